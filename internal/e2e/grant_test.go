package e2e

import (
	"fmt"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// TestGrantTakenAway takes the account's right to read one of two tables away, so that it is refused or
// not even seen any more, during a run and between two. That table is parked with the grant to give, the
// other one goes on; given back and resumed, it is equal.
func TestGrantTakenAway(t *testing.T) { onEach(t, grantTakenAway) }

func grantTakenAway(t *testing.T, flavor servertest.Flavor) {
	for name, one := range map[string]struct {
		kept    string
		running bool
	}{
		"refused":             {"INSERT", true},
		"hidden":              {"", true},
		"hidden between runs": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTwoTables(t, flavor, 50)
			user, orders := "u"+b.db.Name[2:], b.db.Name+".orders"
			logRights := "REPLICATION SLAVE, REPLICATION CLIENT"
			if flavor == servertest.MariaDB {
				logRights = "REPLICATION SLAVE, BINLOG MONITOR"
			}
			b.db.Exec(t, fmt.Sprintf("CREATE USER %[1]s IDENTIFIED BY 'hunter1'; GRANT %[2]s ON *.* TO %[1]s; GRANT SELECT ON %[3]s.users TO %[1]s; GRANT SELECT ON %[4]s TO %[1]s",
				user, logRights, b.db.Name, orders))
			t.Cleanup(func() {
				if _, err := b.db.DB.Exec("DROP USER " + user); err != nil {
					t.Error(err)
				}
			})
			if one.kept != "" {
				b.db.Exec(t, fmt.Sprintf("GRANT %s ON %s TO %s", one.kept, orders, user))
			}
			b.dir = in(t, fmt.Sprintf("version: 1\nsource: {url: %q}\ntarget: {kind: elastic, url: %q}\nmappings:\n  - {name: o, from: '%s.o*', to: %s}\n  - {name: u, from: '%s.u*', to: %s}\n",
				withUser(t, b.db.ReplURL, user, "hunter1"), b.target.URL, b.db.Name, b.index("orders"), b.db.Name, b.index("users")))
			r := b.start()
			b.awaitDoc(r, "orders", 50)
			b.awaitDoc(r, "users", 50)
			if !one.running {
				r.stop(b.t)
			}
			b.db.Exec(t, fmt.Sprintf("REVOKE SELECT ON %s FROM %s", orders, user))
			b.db.Exec(t, "DELETE FROM orders WHERE id = 1")
			if !one.running {
				r = b.start()
			}
			r.await(t, "the parked mapping in the state", func() (bool, error) {
				s, err := statusIf(t, b.dir, b.env)
				return err == nil && len(s.Parked) == 1, err
			})
			b.fill("users", 51, 52)
			b.awaitDoc(r, "users", 52)
			plan := "o/" + orders
			b.says(b.command(1, "check"), plan+": parked since 2", "resume "+plan, "GRANT SELECT ON `"+b.db.Name+"`.`orders`")
			b.fill("orders", 51, 55)
			b.db.Exec(t, fmt.Sprintf("GRANT SELECT ON %s TO %s", orders, user))
			b.fill("orders", 56, 60)
			b.command(0, "resume", plan)
			b.awaitDoc(r, "orders", 60)
			b.db.Exec(t, "DELETE FROM orders WHERE id = 2; UPDATE orders SET id = 70 WHERE id = 60")
			b.awaitDoc(r, "orders", 70)
			r.stop(b.t)
			b.command(0, "--once")
			b.equal("orders")
			b.equal("users")
		})
	}
}
