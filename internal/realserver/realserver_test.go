package realserver

import (
	"strings"
	"testing"
)

func TestConsulAnswersAgainAtItsAddressAfterAKill(t *testing.T) {
	server := Consul(t)
	killAndRestart(t, server)
}

func TestNATSAnswersAgainAtItsAddressAfterAKill(t *testing.T) {
	server := NATS(t)
	killAndRestart(t, server)
}

func TestKafkaAnswersAgainAtItsAddressAfterAKill(t *testing.T) {
	server := Kafka(t)
	killAndRestart(t, server)
}

func TestPostgreSQLAnswersAgainAtItsAddressAfterAKill(t *testing.T) {
	killAndRestart(t, Postgres(t))
}

func TestMariaDBAnswersAgainAtItsAddressAfterAKill(t *testing.T) {
	killAndRestart(t, MariaDB(t))
}

func TestTemporalAnswersAgainAtItsAddressAfterAKill(t *testing.T) {
	killAndRestart(t, Temporal(t))
}

func TestTwoServersAreIndependent(t *testing.T) {
	one, two := Consul(t), Consul(t)
	if one.Addr == two.Addr {
		t.Fatalf("both are at %s", one.Addr)
	}
	one.Kill()
	if err := two.check(); err != nil {
		t.Errorf("the other is gone too: %v", err)
	}
}

func TestWithoutAProgramTheTestIsSkipped(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("SINEW_CONSUL", "")
	t.Setenv(requireVariable, "")
	skipped := false
	t.Run("skips", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		Consul(t)
	})
	if !skipped {
		t.Error("the test went on without a server")
	}
}

func TestARequiredOrNamedProgramThatIsMissingFailsTheTest(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
	}{
		{name: "required", env: map[string]string{"SINEW_CONSUL": "", requireVariable: "1"}},
		{name: "named", env: map[string]string{"SINEW_CONSUL": "/nowhere/consul", requireVariable: ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", t.TempDir())
			for k, v := range c.env {
				t.Setenv(k, v)
			}
			r := &recordingTB{TB: t}
			program(r, "SINEW_CONSUL", "consul")
			if !strings.Contains(r.fatal, "SINEW_CONSUL") {
				t.Errorf("fatal %q does not say what to set", r.fatal)
			}
		})
	}
}

func killAndRestart(t *testing.T, server *Server) {
	t.Helper()
	address := server.Addr
	server.Kill()
	if server.check() == nil {
		t.Fatal("a killed server answers")
	}
	server.Kill()
	server.Start()
	if err := server.check(); err != nil || server.Addr != address {
		t.Fatalf("at %s, before at %s: %v", server.Addr, address, err)
	}
}

// recordingTB records what would have failed the test.
type recordingTB struct {
	testing.TB
	fatal string
}

func (r *recordingTB) Fatal(args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok {
			r.fatal += err.Error()
		}
	}
}
