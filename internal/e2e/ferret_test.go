//go:build matrix

package e2e

import (
	"strings"
	"testing"

	"github.com/meepo-replicate/meepo/internal/servertest"
)

// ferretEnd is a FerretDB 1, which knows no decimals.
type ferretEnd struct{ mongoEnd }

func (e ferretEnd) without() string { return "d" }

func (e ferretEnd) kept(row string) string {
	fields := strings.Split(e.mongoEnd.kept(row), "|")
	if len(fields) < 5 {
		return row
	}
	return strings.Join(append(fields[:3], fields[4:]...), "|")
}

// TestMongoTarget_Killed kills a target that keeps its data under a writer, and starts it again.
func TestMongoTarget_Killed(t *testing.T) {
	server := servertest.StartFerret(t)
	target := ferretEnd{mongoEndOf(t, server.Open())}
	outlast(t, target, 500, func() { server.Kill(t) }, func() { server.Start(t) })
}
