package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// entities are the JSON names of each entity, and of the entities in it.
var entities = map[string]struct {
	keys   string
	within map[string]string // the entity of a member
}{
	"User": {"created_at email id last_login_at name phone preferences profile role status updated_at",
		map[string]string{"profile": "UserProfile", "preferences": "UserPreferences"}},
	"UserProfile":     {"avatar bio date_of_birth language location timezone", nil},
	"UserPreferences": {"notifications privacy settings theme", nil},
	"Order": {"billing created_at currency delivered_at id items metadata payment shipped_at shipping status total_amount updated_at user_id",
		map[string]string{"items": "OrderItem", "shipping": "ShippingInfo", "billing": "BillingInfo", "payment": "PaymentInfo"}},
	"OrderItem":    {"id product_id product_name quantity sku total_price unit_price variant", nil},
	"ShippingInfo": {"actual_delivery address estimated_delivery method tracking", map[string]string{"address": "Address"}},
	"BillingInfo":  {"address tax_id", map[string]string{"address": "Address"}},
	"PaymentInfo":  {"amount currency method processed_at status transaction_id", nil},
	"Address":      {"city country postal_code state street", nil},
	"Product": {"attributes brand category created_at currency description dimensions id images max_stock min_stock name price sku status stock updated_at variants weight",
		map[string]string{"dimensions": "Dimensions", "variants": "ProductVariant"}},
	"Dimensions":     {"height length unit width", nil},
	"ProductVariant": {"attributes id name price sku stock", nil},
	"Inventory":      {"available id last_updated location max_level min_level product_id quantity reorder_point reorder_quantity reserved sku status", nil},
	"CreateOrderRequest": {"billing items shipping user_id",
		map[string]string{"items": "OrderItemRequest", "shipping": "ShippingInfo", "billing": "BillingInfo"}},
	"OrderItemRequest":  {"product_id quantity", nil},
	"OrderCreatedEvent": {"items order_id timestamp total_amount user_id", map[string]string{"items": "OrderItem"}},
	"Payment":           {"amount currency id method order_id processed_at status transaction_id", nil},
	"Shipment":          {"created_at id order_id status tracking", nil},
}

// entity checks that a document, or every element of a list, is an entity.
func entity(t testing.TB, name string, doc any) map[string]any {
	t.Helper()
	if list, ok := doc.([]any); ok {
		for _, d := range list {
			entity(t, name, d)
		}
		return nil
	}
	m, _ := doc.(map[string]any)
	if got := strings.Join(slices.Sorted(maps.Keys(m)), " "); got != entities[name].keys {
		t.Errorf("%s has the keys\n  %s, want\n  %s", name, got, entities[name].keys)
	}
	for key, inner := range entities[name].within {
		entity(t, inner, m[key])
	}
	return m
}

func TestEveryEntityHasTheNamesOfTheContract(t *testing.T) {
	order := api.Order{Items: []api.OrderItem{{}}}
	for name, value := range map[string]any{
		"User": api.User{}, "Order": order, "Inventory": api.Inventory{}, "Payment": api.Payment{}, "Shipment": api.Shipment{},
		"Product":            api.Product{Variants: []api.ProductVariant{{}}},
		"CreateOrderRequest": api.CreateOrderRequest{Items: []api.OrderItemRequest{{}}},
		"OrderCreatedEvent":  api.OrderCreatedEvent{Items: order.Items},
	} {
		text, err := json.Marshal(value)
		var doc any
		if err == nil {
			err = json.Unmarshal(text, &doc)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		entity(t, name, doc)
	}
}

func TestWhatIsNotSetIsNull(t *testing.T) {
	text, err := json.Marshal(api.Order{})
	var doc map[string]any
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	payment, shipping := doc["payment"].(map[string]any), doc["shipping"].(map[string]any)
	for name, value := range map[string]any{
		"items": doc["items"], "metadata": doc["metadata"], "status": doc["status"], "shipped_at": doc["shipped_at"], "delivered_at": doc["delivered_at"],
		"payment.method": payment["method"], "payment.status": payment["status"], "payment.processed_at": payment["processed_at"],
		"shipping.estimated_delivery": shipping["estimated_delivery"], "shipping.actual_delivery": shipping["actual_delivery"],
	} {
		if value != nil {
			t.Errorf("%s is %v", name, value)
		}
	}
}

func TestEveryEnumHasTheValuesOfTheContract(t *testing.T) {
	for _, enum := range []struct {
		values string
		listed []string
		named  []any
		into   interface{ UnmarshalText([]byte) error }
	}{
		{"admin manager employee customer", api.UserRole("").Enum(), []any{api.RoleAdmin, api.RoleManager, api.RoleEmployee, api.RoleCustomer}, new(api.UserRole)},
		{"active inactive suspended deleted", api.UserStatus("").Enum(), []any{api.UserActive, api.UserInactive, api.UserSuspended, api.UserDeleted}, new(api.UserStatus)},
		{"pending confirmed processing shipped delivered cancelled refunded", api.OrderStatus("").Enum(), []any{api.OrderPending, api.OrderConfirmed, api.OrderProcessing, api.OrderShipped, api.OrderDelivered, api.OrderCancelled, api.OrderRefunded}, new(api.OrderStatus)},
		{"credit_card debit_card paypal bank_transfer crypto", api.PaymentMethod("").Enum(), []any{api.CreditCard, api.DebitCard, api.PayPal, api.BankTransfer, api.Crypto}, new(api.PaymentMethod)},
		{"pending processing completed failed refunded", api.PaymentStatus("").Enum(), []any{api.PaymentPending, api.PaymentProcessing, api.PaymentCompleted, api.PaymentFailed, api.PaymentRefunded}, new(api.PaymentStatus)},
		{"active inactive discontinued out_of_stock", api.ProductStatus("").Enum(), []any{api.ProductActive, api.ProductInactive, api.ProductDiscontinued, api.ProductOutOfStock}, new(api.ProductStatus)},
		{"in_stock low_stock out_of_stock backorder", api.InventoryStatus("").Enum(), []any{api.InStock, api.LowStock, api.OutOfStock, api.Backorder}, new(api.InventoryStatus)},
	} {
		if got := strings.Join(enum.listed, " "); got != enum.values {
			t.Errorf("%T has the values %s, want %s", enum.into, got, enum.values)
		}
		if got := fmt.Sprint(enum.named); got != "["+enum.values+"]" {
			t.Errorf("the constants of %T are %s, want [%s]", enum.into, got, enum.values)
		}
		for _, value := range strings.Fields(enum.values) {
			if err := enum.into.UnmarshalText([]byte(value)); err != nil {
				t.Errorf("%T refuses %s: %v", enum.into, value, err)
			}
		}
		for _, value := range []string{"", "none", strings.ToUpper(enum.listed[0])} {
			if err := enum.into.UnmarshalText([]byte(value)); err == nil {
				t.Errorf("%T takes %q", enum.into, value)
			}
		}
	}
}

func TestEntitiesKeepWhatIsPutIntoThem(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		user := s.ok(201, "POST", "/users", `{"name":"Ann","email":"ann@example.com","password":"correct horse","phone":"1","role":"manager","status":"inactive",
		"profile":{"avatar":"a","bio":"b","location":"l","timezone":"UTC","language":"de","date_of_birth":"1990-01-02T00:00:00Z"},
		"preferences":{"theme":"dark","notifications":{"mail":true},"privacy":{"x":false},"settings":{"a":"b"}}}`)
		entity(t, "User", user.doc)
		s.holds(user, `"phone":"1"`, `"role":"manager"`, `"status":"inactive"`, `"profile":{"avatar":"a","bio":"b","location":"l","timezone":"UTC","language":"de","date_of_birth":"1990-01-02T00:00:00Z"}`,
			`"preferences":{"theme":"dark","notifications":{"mail":true},"privacy":{"x":false},"settings":{"a":"b"}}`)
		product := s.ok(201, "POST", "/products", `{"name":"Lamp","description":"d","sku":"L-1","category":"c","brand":"b","price":19.99,"currency":"EUR","stock":7,"min_stock":2,"max_stock":9,"weight":1.5,
		"dimensions":{"length":1,"width":2.5,"height":3,"unit":"cm"},"images":["a"],"attributes":{"k":"v"},"variants":[{"id":"v1","name":"n","sku":"s","price":1.25,"stock":3,"attributes":{"a":"b"}}],"status":"inactive"}`)
		entity(t, "Product", product.doc)
		s.holds(product, `"description":"d"`, `"brand":"b"`, `"price":19.99`, `"currency":"EUR"`, `"weight":1.5`, `"dimensions":{"length":1,"width":2.5,"height":3,"unit":"cm"}`, `"images":["a"]`, `"attributes":{"k":"v"}`,
			`"variants":[{"id":"v1","name":"n","sku":"s","price":1.25,"stock":3,"attributes":{"a":"b"}}]`, `"status":"inactive"`)
		address := `{"street":"s","city":"c","state":"st","postal_code":"p","country":"DE"}`
		order := s.ok(201, "POST", "/orders", fmt.Sprintf(`{"user_id":%q,"items":[{"product_id":%q,"quantity":2}],"shipping":{"method":"express","address":%s,"estimated_delivery":"2030-01-01T00:00:00Z"},"billing":{"address":%s,"tax_id":"T"}}`,
			s.user(), s.product("1.10", 5), address, address))
		entity(t, "Order", order.doc)
		s.holds(order, `"shipping":{"method":"express","address":`+address+`,"tracking":"","estimated_delivery":"2030-01-01T00:00:00Z","actual_delivery":null}`, `"billing":{"address":`+address+`,"tax_id":"T"}`, `"unit_price":1.10`, `"total_price":2.20`)
	})
}

// holds checks that an answer contains these pieces of JSON.
func (s *shop) holds(a answer, pieces ...string) {
	s.Helper()
	for _, piece := range pieces {
		if !strings.Contains(a.text, piece) {
			s.Errorf("%s lacks %s", a.text, piece)
		}
	}
}

// at returns a time in an entity.
func at(t testing.TB, doc any) time.Time {
	t.Helper()
	text, _ := doc.(string)
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}
