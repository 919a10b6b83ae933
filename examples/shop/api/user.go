package api

import (
	"cmp"
	"context"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// User is a user of the shop.
type User struct {
	ID          string          `json:"id"`
	Name        string          `json:"name" schema:"required,pattern=\\S" example:"Ann"`
	Email       string          `json:"email" schema:"required,format=idn-email" example:"ann@example.com"`
	Phone       string          `json:"phone"`
	Role        UserRole        `json:"role"`
	Status      UserStatus      `json:"status"`
	Profile     UserProfile     `json:"profile"`
	Preferences UserPreferences `json:"preferences"`
	CreatedAt   time.Time       `json:"created_at"`
	UpdatedAt   time.Time       `json:"updated_at"`
	LastLoginAt *time.Time      `json:"last_login_at"`

	// Password is set at creation and never returned.
	Password string `json:"-"`
}

// UserProfile is what a user has entered about himself.
type UserProfile struct {
	Avatar      string     `json:"avatar"`
	Bio         string     `json:"bio"`
	Location    string     `json:"location"`
	Timezone    string     `json:"timezone"`
	Language    string     `json:"language"`
	DateOfBirth *time.Time `json:"date_of_birth"`
}

// UserPreferences are the settings of a user.
type UserPreferences struct {
	Theme         string            `json:"theme"`
	Notifications map[string]bool   `json:"notifications"`
	Privacy       map[string]bool   `json:"privacy"`
	Settings      map[string]string `json:"settings"`
}

// UserRole is the role of a user.
type UserRole string

// The roles.
const (
	RoleAdmin    UserRole = "admin"
	RoleManager  UserRole = "manager"
	RoleEmployee UserRole = "employee"
	RoleCustomer UserRole = "customer"
)

// Enum lists the roles.
func (UserRole) Enum() []string { return []string{"admin", "manager", "employee", "customer"} }

// MarshalJSON writes an empty role as null.
func (r UserRole) MarshalJSON() ([]byte, error) { return encode(r) }

// UnmarshalText refuses unknown roles.
func (r *UserRole) UnmarshalText(text []byte) error { return parse(r, text, "role", r.Enum()) }

// UserStatus is whether a user may act.
type UserStatus string

// The statuses of a user.
const (
	UserActive    UserStatus = "active"
	UserInactive  UserStatus = "inactive"
	UserSuspended UserStatus = "suspended"
	UserDeleted   UserStatus = "deleted"
)

// Enum lists the statuses.
func (UserStatus) Enum() []string { return []string{"active", "inactive", "suspended", "deleted"} }

// MarshalJSON writes an empty status as null.
func (s UserStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses unknown statuses.
func (s *UserStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "user status", s.Enum())
}

// UserService is the interface of the user service.
type UserService interface {
	CreateUser(ctx context.Context, user *User) error
	GetUser(ctx context.Context, id string) (*User, error)
	UpdateUser(ctx context.Context, user *User) error
	DeleteUser(ctx context.Context, id string) error
	GetUsersByRole(ctx context.Context, role UserRole) ([]*User, error)
	AuthenticateUser(ctx context.Context, email, password string) (*User, error)
	UpdateUserStatus(ctx context.Context, id string, status UserStatus) error
}

// The routes of the user service.
var (
	CreateUser = rest.Route[*NewUser, *User]{
		Pattern: "POST /users", Status: http.StatusCreated,
		Summary:  "Creates a user.",
		Failures: []error{emailTaken},
	}
	GetUser = rest.Route[*ByID, *User]{
		Pattern:  "GET /users/{id}",
		Summary:  "Returns a user.",
		Failures: []error{fault.NotFound},
	}
	UpdateUser = rest.Route[*UserUpdate, *User]{
		Pattern:  "PUT /users/{id}",
		Summary:  "Replaces a user.",
		Failures: []error{fault.NotFound, emailTaken},
	}
	DeleteUser = rest.Route[*ByID, endpoint.None]{
		Pattern:  "DELETE /users/{id}",
		Summary:  "Deletes a user.",
		Failures: []error{fault.NotFound},
	}
	ListUsers = rest.Route[*UserFilter, *List[*User]]{
		Pattern: "GET /users",
		Summary: "Lists the users.",
	}
	AuthenticateUser = rest.Route[*Credentials, *User]{
		Pattern:  "POST /authenticate",
		Summary:  "Returns the user who has the email address and the password.",
		Failures: []error{fault.Unauthenticated, inactiveUser},
	}
	UpdateUserStatus = rest.Route[*UserStatusChange, *User]{
		Pattern:  "PUT /users/{id}/status",
		Summary:  "Sets the status of a user.",
		Failures: []error{fault.NotFound},
	}

	UserRoutes = []rest.Forwarder{CreateUser, GetUser, UpdateUser, DeleteUser, ListUsers, AuthenticateUser, UpdateUserStatus}
)

// NewUser creates a user. The password is never returned.
type NewUser struct {
	User
	Password string `json:"password" schema:"required,minLength=8" doc:"It is never returned." example:"correct horse"`
}

// Validate requires a name, an email address and a password of 8 characters.
func (u *NewUser) Validate() error {
	return require(
		nonBlank(u.Name, "name"),
		validEmail(u.Email),
		condition{len([]rune(u.Password)) >= 8, "password must have at least 8 characters"},
	)
}

// UserUpdate replaces a user. ID, status and times are ignored.
type UserUpdate struct {
	PathID string `path:"id" json:"-"`
	User
}

// Validate requires a name and an email address.
func (u *UserUpdate) Validate() error {
	return cmp.Or(require(nonBlank(u.Name, "name"), validEmail(u.Email)), validIDs(u.PathID))
}

// UserFilter selects users by role, or all.
type UserFilter struct {
	Role UserRole `query:"role" json:"-"`
}

// Credentials are what a user signs in with.
type Credentials struct {
	Email    string `json:"email" schema:"required,minLength=1" example:"ann@example.com"`
	Password string `json:"password" schema:"required,minLength=1" example:"correct horse"`
}

// Validate requires both.
func (c *Credentials) Validate() error {
	return require(required(c.Email, "email"), required(c.Password, "password"))
}

// UserStatusChange sets the status of a user.
type UserStatusChange struct {
	ID     string     `path:"id" json:"-"`
	Status UserStatus `json:"status" schema:"required"`
}

// Validate requires a status.
func (c *UserStatusChange) Validate() error {
	return cmp.Or(require(required(string(c.Status), "status")), validIDs(c.ID))
}

// hostname is the part of an email address after the @: labels of letters, digits and
// inner hyphens.
var hostname = regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)

const label = `[\pL\pN]([\pL\pN-]{0,61}[\pL\pN])?`

// validEmail requires an email address and nothing around it.
func validEmail(text string) condition {
	a, err := mail.ParseAddress(text)
	is := err == nil && a.Address == text && hostname.MatchString(text[strings.LastIndex(text, "@")+1:])
	return condition{is, "email must be an address such as ann@example.com"}
}
