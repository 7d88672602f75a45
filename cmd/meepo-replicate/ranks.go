package main

import (
	"cmp"
	"net/url"
)

// settle decides what counts where settings exclude each other, or where a URL says the same as a
// setting: what comes from the higher layer. All that a URL says has the layer of the URL. Of one
// layer, a setting beats the URL; two settings that exclude each other stay both, for validate.
func (c *config) settle(use usedBy) []error {
	c.settleChoices()
	wrong := c.settleSecrets()
	c.settleSourcePassword()
	if use&targetSide != 0 {
		wrong = append(wrong, c.settleTargetAccount()...)
	}
	return append(wrong, c.tryPasswordFiles()...)
}

// rank compares where two settings come from: positive if a beats b.
func (c *config) rank(a, b string) int { return cmp.Compare(c.origins[a].layer, c.origins[b].layer) }

func (c *config) settleChoices() {
	if c.AllTables && len(c.Tables) > 0 {
		switch r := c.rank("all_tables", "tables"); {
		case r > 0:
			c.Tables = nil
		case r < 0:
			c.AllTables = false
		}
	}
	if c.Once && c.FollowOnly {
		switch r := c.rank("once", "follow_only"); {
		case r > 0:
			c.FollowOnly = false
		case r < 0:
			c.Once = false
		}
	}
}

// settleSecrets lets one of text and file count where one layer gives a text and another a file.
func (c *config) settleSecrets() []error {
	var wrong []error
	for _, s := range c.secrets() {
		if s.into.Text == "" || s.into.File == "" {
			continue
		}
		switch r := c.rank(s.name+"_file", s.name); {
		case r > 0:
			s.into.Text = ""
		case r < 0:
			s.into.File = ""
		default:
			wrong = append(wrong, c.origins[s.name+"_file"].problem("cannot be used together with %s: say one of them", s.name))
			*s.into = secret{}
		}
	}
	return wrong
}

// namedSecret is a secret with the setting that gives its text. The one that gives its file is
// called the same with _file behind.
type namedSecret struct {
	name string
	into *secret
}

func (c *config) secrets() []namedSecret {
	return []namedSecret{{"source.password", &c.Source.Password}, {"target.password", &c.Target.Password}, {"target.api_key", &c.Target.APIKey}}
}

// said is the setting that a settled secret comes from.
func (s namedSecret) said() string {
	if s.into.File != "" {
		return s.name + "_file"
	}
	return s.name
}

func (c *config) settleSourcePassword() {
	password := namedSecret{"source.password", &c.Source.Password}
	if said, fits := c.sourceKind().inURL(c.Source.URL); fits && said.password != "" && c.rank(password.said(), "source.url") < 0 {
		*password.into = secret{}
	}
}

// settleTargetAccount lets one of user, user in the URL and API key count, with its password.
func (c *config) settleTargetAccount() []error {
	var wrong []error
	t := &c.Target
	inURL := accountOfURLs(t.URL)
	t.AccountInURL = inURL != nil
	if t.AccountInURL && t.User != "" {
		switch r := c.rank("target.user", "target.url"); {
		case r > 0:
			t.AccountInURL = false
		case r < 0:
			t.User = ""
		default:
			wrong = append(wrong, c.origins["target.user"].problem("cannot be used together with the user in %s: say one of them", c.origins["target.url"].name))
			t.AccountInURL = false
		}
	}
	password, key := namedSecret{"target.password", &t.Password}, namedSecret{"target.api_key", &t.APIKey}
	if _, has := inURL.Password(); has && t.AccountInURL && c.rank(password.said(), "target.url") < 0 {
		t.Password = secret{}
	}
	account, shown := password.said(), c.origins[password.said()].name
	switch {
	case t.User != "":
		account, shown = "target.user", c.origins["target.user"].name
	case t.AccountInURL:
		account, shown = "target.url", "the user in "+c.origins["target.url"].name
	case t.Password.empty():
		return wrong
	}
	if !t.APIKey.empty() {
		switch r := c.rank(key.said(), account); {
		case r > 0:
			t.User, t.AccountInURL, t.Password = "", false, secret{}
			return wrong
		case r == 0:
			wrong = append(wrong, c.origins[key.said()].problem("cannot be used together with %s: say one of them", shown))
			account = ""
		}
		t.APIKey = secret{}
	}
	if account == password.said() {
		orphan := c.origins[account].problem("there is a password, and no user")
		orphan.Advice = "say who it belongs to, with --target-user or target: {user: …}"
		wrong = append(wrong, orphan)
	}
	return wrong
}

// accountOfURLs returns the first user and password in a list of URLs, nil if there is none.
func accountOfURLs(list string) *url.Userinfo {
	for _, raw := range splitList([]string{list}) {
		if u, err := url.Parse(raw); err == nil && u.User != nil {
			return u.User
		}
	}
	return nil
}

// tryPasswordFiles finds files that cannot be read.
func (c *config) tryPasswordFiles() []error {
	var wrong []error
	for _, s := range c.secrets() {
		if s.into.File == "" {
			continue
		}
		if _, err := readSecretFile(s.into.File); err != nil {
			wrong = append(wrong, c.origins[s.said()].problem("%v", err))
		}
	}
	return wrong
}
