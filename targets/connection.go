package targets

import (
	"crypto/x509"
	"errors"
	"strings"
)

// Advise adds to an error of reaching a target what can be done about it, where something can be said and nothing was.
func Advise(err error) error {
	if err == nil || errors.As(err, new(*HintError)) {
		return err
	}
	advice := ""
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
	)
	says := func(text string) bool { return strings.Contains(err.Error(), text) } // some clients keep the text alone
	switch {
	case errors.Is(err, ErrDenied):
		advice = "check target.user and target.password, or target.api_key, and what the account may do"
	case says("no such host"):
		advice = "check the host in target.url: no address is known for it"
	case errors.As(err, &authority), says("certificate signed by unknown authority"):
		advice = "give the authority that signed the server's certificate as target.ca_file"
	case errors.As(err, &name):
		advice = "use a name in target.url that is in the server's certificate"
	case says("first record does not look like a TLS handshake"), says("server gave HTTP response to HTTPS client"):
		advice = "the server's answer is not TLS: is this the right port, and does the server speak TLS?"
	case says("connection refused"), says("i/o timeout"), says("network is unreachable"), says("no route to host"):
		advice = "check host and port in target.url, that the server runs and that no firewall is between"
	default:
		return err
	}
	return &HintError{Err: err, Advice: advice}
}
