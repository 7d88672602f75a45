package main

import (
	"context"

	"github.com/meepo-replicate/meepo/source"
)

// What all sources that are databases have in common: a password, encryption.

// sourcePassword reads the source's password at every connect; inURL is that of its URL.
func (c *config) sourcePassword(inURL string) func(context.Context) (string, error) {
	if read := c.Source.Password.reader(c.variableOf("source.password")); read != nil {
		return read
	}
	if inURL == "" {
		return nil
	}
	return func(context.Context) (string, error) { return inURL, nil }
}

// sourceTLS is what the URL says of encryption, with the settings that beat it.
func (c *config) sourceTLS(inURL source.TLSConfig) source.TLSConfig {
	set, mode := c.Source.TLS, string(inURL.Mode)
	c.over(&mode, "source.tls.mode", set.Mode)
	inURL.Mode = source.TLSMode(mode)
	c.over(&inURL.CAFile, "source.tls.ca_file", set.CAFile)
	c.over(&inURL.CertFile, "source.tls.cert_file", set.CertFile)
	c.over(&inURL.KeyFile, "source.tls.key_file", set.KeyFile)
	c.over(&inURL.ServerName, "source.tls.server_name", set.ServerName)
	return inURL
}

// over puts a setting in the place of what the source's URL says, unless the URL comes from a higher layer.
func (c *config) over(into *string, name, text string) {
	if text != "" && (*into == "" || c.rank(name, "source.url") >= 0) {
		*into = text
	}
}

// tlsProblems are the settings of which the drivers' texts about encryption speak.
func tlsProblems(tls source.TLSConfig) []string {
	return []string{
		"tls", "source.tls", "tls mode", "source.tls.mode", "tls: stat " + tls.CAFile + ":", "source.tls.ca_file",
		"tls: stat " + tls.CertFile + ":", "source.tls.cert_file", "tls: stat " + tls.KeyFile + ":", "source.tls.key_file",
	}
}
