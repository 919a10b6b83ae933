// Package user manages the users of the shop.
package user

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"runtime"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

// account is the stored form of a user, with the hash of the password.
type account struct {
	api.User
	Hash string `json:"hash"`
}

var accounts = database.Table[account]{Kind: "user"}

// Schema creates the tables of the service.
var Schema = []string{
	accounts.Schema(),
	accounts.Index("email", "UNIQUE", `lower(json_extract(doc, '$.email'))`),
	accounts.Index("role", "", `json_extract(doc, '$.role')`),
}

// Service implements [api.UserService].
type Service struct {
	db          *sql.DB
	hasher      Hasher
	hashLimit   *limit.ConcurrencyLimiter // limits concurrent hashing
	unmatchable string                    // a hash that no password matches
}

var _ api.UserService = (*Service)(nil)

// New serves the users in db on svc. [Argon2id] hashes their passwords.
func New(svc *sinew.Service, db *sql.DB) *Service { return NewHashing(svc, db, Argon2id{}) }

// NewHashing is New with another Hasher.
func NewHashing(svc *sinew.Service, db *sql.DB, h Hasher) *Service {
	s := &Service{db: db, hasher: h, unmatchable: unmatchableHash(h)}
	s.hashLimit = limit.NewConcurrency("password hashing", limit.Concurrency{Max: runtime.NumCPU(), Queue: 1000, MaxWait: 10 * time.Second})
	api.CreateUser.Handle(svc, s.create)
	api.GetUser.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.User, error) { return s.GetUser(ctx, r.ID) })
	api.UpdateUser.Handle(svc, s.update)
	api.DeleteUser.Handle(svc, func(ctx context.Context, r *api.ByID) (endpoint.None, error) {
		return endpoint.None{}, s.DeleteUser(ctx, r.ID)
	})
	api.ListUsers.Handle(svc, s.list)
	api.AuthenticateUser.Handle(svc, func(ctx context.Context, r *api.Credentials) (*api.User, error) {
		return s.AuthenticateUser(ctx, r.Email, r.Password)
	})
	api.UpdateUserStatus.Handle(svc, s.setStatus)
	return s
}

// CreateUser stores the user with a hash of the password, and sets defaults. An email
// address that is in use is fault.AlreadyExists.
func (s *Service) CreateUser(ctx context.Context, u *api.User) error {
	var hash string
	err := s.withHashLimit(ctx, func() (err error) {
		hash, err = s.hasher.Hash(u.Password)
		return err
	})
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	u.ID, u.Password = "u-"+rand.Text(), ""
	u.CreatedAt, u.UpdatedAt, u.LastLoginAt = now, now, nil
	if u.Role == "" {
		u.Role = api.RoleCustomer
	}
	if u.Status == "" {
		u.Status = api.UserActive
	}
	return emailTaken(accounts.Insert(ctx, s.db, u.ID, &account{*u, hash}), u.Email)
}

// GetUser returns the user with this ID, or fault.NotFound.
func (s *Service) GetUser(ctx context.Context, id string) (*api.User, error) {
	a, err := accounts.Get(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	return &a.User, nil
}

// UpdateUser changes what a user has entered. Status and times do not change.
func (s *Service) UpdateUser(ctx context.Context, u *api.User) error {
	_, err := accounts.Change(ctx, s.db, u.ID, func(_ *sql.Tx, a *account) error {
		u.Status, u.CreatedAt, u.LastLoginAt, u.UpdatedAt = a.Status, a.CreatedAt, a.LastLoginAt, time.Now().UTC()
		if u.Role == "" {
			u.Role = a.Role
		}
		a.User = *u
		return nil
	})
	return emailTaken(err, u.Email)
}

// DeleteUser removes the user.
func (s *Service) DeleteUser(ctx context.Context, id string) error {
	return accounts.Delete(ctx, s.db, id)
}

// GetUsersByRole lists the users with a role, or all if role is "".
func (s *Service) GetUsersByRole(ctx context.Context, role api.UserRole) ([]*api.User, error) {
	found, err := accounts.Where(ctx, s.db, `?1 = '' OR json_extract(doc, '$.role') = ?1`, role)
	if err != nil {
		return nil, err
	}
	users := make([]*api.User, len(found))
	for i, a := range found {
		users[i] = &a.User
	}
	return users, nil
}

// AuthenticateUser returns the user with this email address and password. If either is
// wrong, it returns fault.Unauthenticated and does not say which.
func (s *Service) AuthenticateUser(ctx context.Context, email, password string) (*api.User, error) {
	found, err := accounts.Where(ctx, s.db, `lower(json_extract(doc, '$.email')) = lower(?)`, email)
	if err != nil {
		return nil, err
	}
	hash := s.unmatchable // an unknown address takes as long as a wrong password
	if len(found) > 0 {
		hash = found[0].Hash
	}
	var match bool
	err = s.withHashLimit(ctx, func() (err error) {
		match, err = s.hasher.Matches(password, hash)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !match || len(found) == 0:
		return nil, fault.Unauthenticated.Errorf("email or password is wrong")
	case found[0].Status != api.UserActive:
		return nil, api.Conflict("user_not_active", "user %s is %s", found[0].ID, found[0].Status)
	}
	a, err := accounts.Change(ctx, s.db, found[0].ID, func(_ *sql.Tx, a *account) error {
		now := time.Now().UTC()
		a.LastLoginAt = &now
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &a.User, nil
}

// UpdateUserStatus sets the user's status.
func (s *Service) UpdateUserStatus(ctx context.Context, id string, status api.UserStatus) error {
	_, err := accounts.Change(ctx, s.db, id, func(_ *sql.Tx, a *account) error {
		a.Status, a.UpdatedAt = status, time.Now().UTC()
		return nil
	})
	return err
}

func (s *Service) create(ctx context.Context, r *api.NewUser) (*api.User, error) {
	u := r.User
	u.Password = r.Password
	return &u, s.CreateUser(ctx, &u)
}

func (s *Service) update(ctx context.Context, r *api.UserUpdate) (*api.User, error) {
	u := r.User
	u.ID = r.PathID
	return &u, s.UpdateUser(ctx, &u)
}

func (s *Service) list(ctx context.Context, r *api.UserFilter) (*api.List[*api.User], error) {
	users, err := s.GetUsersByRole(ctx, r.Role)
	return api.ListOf(users), err
}

func (s *Service) setStatus(ctx context.Context, r *api.UserStatusChange) (*api.User, error) {
	if err := s.UpdateUserStatus(ctx, r.ID, r.Status); err != nil {
		return nil, err
	}
	return s.GetUser(ctx, r.ID)
}

// withHashLimit runs f, which needs much memory and time, within hashLimit.
func (s *Service) withHashLimit(ctx context.Context, f func() error) error {
	permit, err := s.hashLimit.Acquire(ctx)
	if err != nil {
		return err
	}
	defer permit.Done()
	return f()
}

func emailTaken(err error, email string) error {
	if errors.Is(err, database.ErrTaken) {
		return fault.AlreadyExists.Errorf("a user with the email %s exists", email).WithReason("email_taken")
	}
	return err
}
