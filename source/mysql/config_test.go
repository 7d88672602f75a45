package mysql

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meepo-replicate/meepo/internal/servertest"
	"github.com/meepo-replicate/meepo/source"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]struct {
		cfg      Config
		password string
	}{
		"mysql://meepo@db/shop":                    {Config{Addr: "db:3306", User: "meepo", Database: "shop"}, ""},
		"mariadb://u%40x:p%2Fw%23@10.0.0.1:3307":   {Config{Addr: "10.0.0.1:3307", User: "u@x"}, "p/w#"},
		"mysql://u:p@[::1]:3306/?server-id=7":      {Config{Addr: "[::1]:3306", User: "u", ServerID: 7}, "p"},
		"mysql://u@/db?socket=/run/mysqld/my.sock": {Config{Addr: "/run/mysqld/my.sock", User: "u", Database: "db"}, ""},
		"mysql://u@h/db?tls=verify-ca&tls-ca=a&tls-cert=b&tls-key=c&tls-server-name=d": {Config{Addr: "h:3306", User: "u", Database: "db",
			TLS: source.TLSConfig{Mode: source.TLSVerifyCA, CAFile: "a", CertFile: "b", KeyFile: "c", ServerName: "d"}}, ""},
	} {
		cfg, password, err := ParseURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if diff := cmp.Diff(want.cfg, cfg, cmpopts.IgnoreFields(Config{}, "Password", "Logger")); diff != "" || password != want.password {
			t.Errorf("%s: password %q: %s", raw, password, diff)
		}
	}
}

func TestParseURL_RefusesWithoutThePassword(t *testing.T) {
	for _, raw := range []string{
		"postgres://u:hunter2@db/shop", "mysql://u:hunter2%zz@db/shop", "mysql://u:hunter2@db:port/shop", "mysql://u:hunter2/@db/shop",
		"mysql://u:hunter2@db/shop?tsl=required", "mysql://u:hunter2@db/a/b", "mysql://u:hunter2@db/shop?server-id=x", "mysql:u:hunter2", "\x00://hunter2",
		"mysql://u:#hunter2@db/shop",
	} {
		_, _, err := ParseURL(raw)
		if err == nil {
			t.Errorf("%q was taken", raw)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the password is in: %v", raw, err)
		}
	}
}

func TestConfig_ValidateJoinsAllProblems(t *testing.T) {
	err := Config{Addr: "db", Heartbeat: -1, MaxConns: -1, TLS: source.TLSConfig{Mode: "maybe", CAFile: "/no/such.pem", CertFile: "x.pem"}}.Validate()
	for _, want := range []string{"addr", "user", "heartbeat", "max conns", "tls mode", "/no/such.pem", "both cert file and key file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if err := (Config{Addr: "db:3306", User: "u"}).Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{Addr: "db:3306", User: "u", StallTimeout: time.Second}).Validate(); err == nil {
		t.Error("a stall timeout below the heartbeat was taken")
	}
}

func TestConfig_DefaultTLSMode(t *testing.T) {
	for addr, want := range map[string]source.TLSMode{
		"db:3306": source.TLSVerifyFull, "10.0.0.1:3306": source.TLSVerifyFull, "127.0.0.1:3306": source.TLSPreferred, "127.0.0.2:3306": source.TLSPreferred,
		"[::1]:3306": source.TLSPreferred, "localhost:3306": source.TLSPreferred, "/run/my.sock": source.TLSPreferred, "localhost.example:3306": source.TLSVerifyFull,
	} {
		if got := (Config{Addr: addr}).withDefaults().TLS.Mode; got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
	if got := (Config{Addr: "db:3306", TLS: source.TLSConfig{Mode: source.TLSDisabled}}).withDefaults().TLS.Mode; got != source.TLSDisabled {
		t.Errorf("a mode that was set became %s", got)
	}
}

func TestOpen_WrongPasswordIsHintedAndNotShown(t *testing.T) {
	for _, f := range []servertest.Flavor{servertest.MySQL, servertest.MariaDB} {
		d := servertest.OpenSQL(t, f)
		cfg := configOf(t, d.URL)
		cfg.Password = password("hunter2")
		_, err := Open(t.Context(), cfg)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Fatalf("%s: %v", f, err)
		}
		var hint interface{ Hint() string }
		if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "user and password") {
			t.Errorf("%s: no hint: %v", f, err)
		}
	}
}

func TestOpen_NobodyThere(t *testing.T) {
	_, err := Open(t.Context(), Config{Addr: "127.0.0.1:1", User: "u", Password: password("hunter2")})
	var hint *source.HintError
	if !errors.As(err, &hint) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	cause := errors.New("vault is sealed")
	_, err = Open(t.Context(), Config{Addr: "127.0.0.1:1", User: "u", Password: func(context.Context) (string, error) { return "", cause }})
	if err == nil {
		t.Error("opened")
	}
}

// TestOpen_PasswordIsAskedAtEachConnect: after a rotation new connections use the new one.
func TestOpen_PasswordIsAskedAtEachConnect(t *testing.T) {
	d := servertest.OpenSQL(t, servertest.MySQL)
	account := "'rot" + d.Name + "'@'127.0.0.1'"
	d.Exec(t, "CREATE USER "+account+" IDENTIFIED BY 'first'")
	t.Cleanup(func() { _, _ = d.DB.Exec("DROP USER " + account) })
	current := "first"
	cfg := configOf(t, d.URL)
	cfg.User = "rot" + d.Name
	cfg.Password = func(context.Context) (string, error) { return current, nil }
	s := openConfig(t, cfg)
	d.Exec(t, "ALTER USER "+account+" IDENTIFIED BY 'second'")
	current = "second"
	s.db.SetMaxIdleConns(0) // the next use has to connect
	if _, err := s.Now(t.Context()); err != nil {
		t.Fatal(err)
	}
	current = "first"
	if _, err := s.Now(t.Context()); !isErrno(err, errAccessDenied) {
		t.Errorf("the old password: %v", err)
	}
}

func TestNow(t *testing.T) {
	eachFlavor(t, func(t *testing.T, d *servertest.Database, s *Source) {
		before := time.Now()
		now, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if now.Before(before.Add(-time.Minute)) || now.After(time.Now().Add(time.Minute)) || now.Location() != time.UTC {
			t.Errorf("%v, here it is %v", now, before)
		}
	})
}
