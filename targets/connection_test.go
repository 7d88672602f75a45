package targets

import (
	"crypto/x509"
	"errors"
	"fmt"
	"testing"
)

func TestAdvise(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("check: %w", ErrDenied), errors.New("lookup db: no such host"), fmt.Errorf("x: %w", x509.UnknownAuthorityError{}),
		errors.New("dial tcp 127.0.0.1:1: connect: connection refused"), errors.New("http: server gave HTTP response to HTTPS client"),
	} {
		advised := Advise(err)
		var hint *HintError
		if !errors.As(advised, &hint) || hint.Advice == "" || advised.Error() != err.Error() || !errors.Is(advised, err) {
			t.Errorf("%v: %v", err, advised)
		}
	}
	own := &HintError{Err: ErrDenied, Advice: "own"}
	for _, err := range []error{nil, own, errors.New("a duplicate key")} {
		if got := Advise(err); !errors.Is(got, err) || got != nil && errors.As(got, new(*HintError)) != errors.Is(err, own) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
