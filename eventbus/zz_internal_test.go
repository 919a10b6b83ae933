package eventbus

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

type zItem struct {
	SKU        string `json:"sku"`
	Qty        int32  `json:"qty"`
	PriceCents int32  `json:"price_cents"`
}
type zOrder struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Items    []zItem `json:"items"`
}

func zNew() *zOrder {
	return &zOrder{ID: "ord-20260101-0001", Customer: "cust-42", Items: []zItem{
		{"sku-red-shirt", 2, 1999}, {"sku-blue-jeans", 1, 4999}, {"sku-socks-3pk", 4, 799}}}
}

var zs any

func BenchmarkZ(b *testing.B) {
	o := zNew()
	b.Run("json", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { d, _ := json.Marshal(&o); zs = d } })
	b.Run("id", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { zs = newID() } })
	b.Run("now", func(b *testing.B) { for b.Loop() { _ = time.Now().UTC() } })
	data, _ := json.Marshal(o)
	b.Run("faithful", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { h := &typed[*zOrder]{v: o}; zs = h.faithful(data) } })
	c := copierOf(reflect.TypeFor[*zOrder]())
	b.Run("deepen", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { v := o; c.deepen(reflect.ValueOf(&v).Elem()); zs = v } })
	b.Run("delivery", func(b *testing.B) { b.ReportAllocs(); var e Event; for b.Loop() { zs = &delivery{handling: handling{event: e}} } })
	topic := Topic[*zOrder]{Name: "orders"}
	none := NewMemory(MemoryPolicy{})
	ctx := context.Background()
	b.Run("publish-nobody", func(b *testing.B) { b.ReportAllocs(); for b.Loop() { topic.Publish(ctx, none, o) } })
	// a group nobody drains: put alone
	b.Run("publish-put", func(b *testing.B) {
		b.ReportAllocs()
		bus := NewMemory(MemoryPolicy{Buffer: 1 << 30})
		g := newGroup(bus, "orders", "g")
		bus.change("orders", []*group{g})
		for b.Loop() { topic.Publish(ctx, bus, o); if g.ready.count > 1000 { g.ready = ring{}; g.held = 0 } }
	})
}
