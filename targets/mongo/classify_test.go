package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/meepo-replicate/meepo/targets"
)

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		code    int
		message string
		want    targets.Class
	}{
		{11000, `E11000 duplicate key error collection: app.a index: _id_ dup key: { _id: "secret" }`, targets.Retryable},
		{11000, `E11000 duplicate key error collection: app.a index: email_1 dup key: { email: "secret" }`, targets.Doubtful},
		{121, "Document failed validation", targets.Rejected},
		{17419, "Resulting document after update is larger than 16777216", targets.Rejected},
		{16755, "Can't extract geo keys: { _id: 1, at: \"secret\" }", targets.Rejected},
		{50, "operation exceeded time limit", targets.Retryable},
		{112, "Write conflict during plan execution", targets.Retryable},
		{10107, "not primary", targets.Retryable},
		{61, "Failed to target upsert by query", targets.Doubtful},
	} {
		item := mongo.WriteError{Code: c.code, Message: c.message}
		if got := classOf(item); got != c.want {
			t.Errorf("%s: class %d, want %d", c.message, got, c.want)
		}
		if said := reason(item); strings.Contains(said, "secret") || !strings.Contains(said, fmt.Sprint(c.code)) {
			t.Errorf("the reason is %q", said)
		}
	}
}

func TestOutcomeOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want outcome
	}{
		"connection lost":         {mongo.CommandError{Labels: []string{"NetworkError"}}, unanswered},
		"patience at its end":     {fmt.Errorf("write: %w", context.DeadlineExceeded), unanswered},
		"not told why":            {errors.New("something"), unanswered},
		"no server there":         {topology.ServerSelectionError{Wrapped: context.DeadlineExceeded}, undone},
		"the server gave it up":   {mongo.CommandError{Code: 50, Name: "MaxTimeMSExpired"}, undone},
		"a primary no more":       {mongo.CommandError{Code: 10107, Name: "NotWritablePrimary"}, undone},
		"without the role":        {mongo.CommandError{Code: codeUnauthorized, Name: "Unauthorized"}, denied},
		"with another password":   {mongo.CommandError{Code: 18, Name: "AuthenticationFailed"}, denied},
		"while it was let in":     {errors.New("connection() error occurred during connection handshake: auth error: sasl conversation error"), denied},
		"denied, as it was told":  {fmt.Errorf("x: %w", targets.ErrDenied), denied},
		"an answer, of some kind": {mongo.CommandError{Code: 8, Name: "UnknownError"}, undone},
	} {
		if got := outcomeOf(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
