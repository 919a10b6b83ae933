package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestUsers(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		made := s.ok(201, "POST", "/users", `{"name":"Ann","email":"Ann@Example.com","password":"correct horse"}`)
		entity(t, "User", made.doc)
		if made.get("role") != "customer" || made.get("status") != "active" || strings.Contains(made.text, "horse") || made.doc["last_login_at"] != nil {
			t.Error(made.text)
		}
		path := "/users/" + made.get("id")
		if got := s.ok(200, "GET", path, ""); got.text != made.text {
			t.Errorf("%s, then %s", made.text, got.text)
		}
		s.refused(409, "already_exists", "email_taken", "POST", "/users", `{"name":"B","email":"ann@example.com","password":"correct horse"}`)
		changed := s.ok(200, "PUT", path, strings.Replace(strings.Replace(made.text, `"Ann"`, `"Anna"`, 1), `"active"`, `"suspended"`, 1))
		if changed.get("name") != "Anna" || changed.get("status") != "active" || changed.get("id") != made.get("id") || changed.get("created_at") != made.get("created_at") {
			t.Error(changed.text)
		}
		in := s.ok(200, "POST", "/authenticate", `{"email":"ann@example.com","password":"correct horse"}`)
		if in.doc["last_login_at"] == nil {
			t.Error(in.text)
		}
		s.refused(401, "unauthenticated", "", "POST", "/authenticate", `{"email":"ann@example.com","password":"wrong horse"}`)
		s.refused(401, "unauthenticated", "", "POST", "/authenticate", `{"email":"nobody@example.com","password":"correct horse"}`)
		if got := s.ok(200, "GET", "/users?role=manager", ""); got.text != `{"items":[]}` {
			t.Error(got.text)
		}
		if got := s.ok(200, "GET", "/users?role=customer", ""); len(got.doc["items"].([]any)) != 1 {
			t.Error(got.text)
		}
		s.ok(200, "PUT", path+"/status", `{"status":"suspended"}`)
		s.refused(409, "failed_precondition", "user_not_active", "POST", "/authenticate", `{"email":"ann@example.com","password":"correct horse"}`)
		s.refused(400, "invalid_argument", "", "PUT", path+"/status", `{"status":"asleep"}`)
		s.refused(400, "invalid_argument", "", "GET", "/users?role=king", "")
		for _, body := range []string{`{"email":"a@b.c","password":"12345678"}`, `{"name":"x","email":"nobody","password":"12345678"}`, `{"name":"x","email":"a@b.c","password":"1234567"}`} {
			s.refused(400, "invalid_argument", "", "POST", "/users", body)
		}
		if got := s.ok(204, "DELETE", path, ""); got.text != "" {
			t.Error(got.text)
		}
		s.refused(404, "not_found", "", "GET", path, "")
		s.refused(404, "not_found", "", "DELETE", path, "")
	})
}

func TestUsersThatAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T, s *shop) {
		id := s.user()
		for _, piece := range []string{
			`"name":" "`, `"email":"x"`, `"email":"a@-x.org"`, `"email":"a@x-.org"`, `"email":"a@x..org"`, `"email":"a@x_y.org"`, `"email":"a@[1.2.3.4]"`, `"email":"Ann <a@x.org>"`,
			`"role":""`, `"role":"king"`, `"status":""`, `"status":"asleep"`,
		} {
			body := `{"name":"x","email":"a@b.c","password":"12345678",` + piece + `}`
			s.refused(400, "invalid_argument", "", "POST", "/users", body)
			s.refused(400, "invalid_argument", "", "PUT", "/users/"+id, body)
		}
		for i, host := range []string{"localhost", "x-y.example.com", "bücher.example", "1.example"} {
			s.ok(201, "POST", "/users", fmt.Sprintf(`{"name":"x","email":"a%d@%s","password":"12345678","role":null,"status":null}`, i, host))
		}
	})
}
