package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/meepo-replicate/meepo/mappings"
)

const (
	defaultConfigFile = "meepo.yaml"
	envPrefix         = "MEEPO_"
)

// config is everything that can be said about a run, from whichever place it came.
type config struct {
	File   string
	Source sourceConfig
	Target targetConfig

	State     string
	Tables    []string
	AllTables bool
	// MappingFiles are paths; Mappings are what stands inline in the file. Only one layer's
	// mappings count, so a flag or a variable drops both of the file.
	MappingFiles []string
	Mappings     []inlineMapping

	Once, FollowOnly bool
	Rate             float64
	OnTruncate       string
	OnFault          string
	OnSchemaChange   string
	AcceptStale      []string
	MaxRejected      float64
	MaxDestinations  uint32
	Fresh            bool
	Listen           string
	LogFormat        string
	LogLevel         string

	origins map[string]origin // by setting name
	text    *configText       // of the file, for messages; nil without one
	parsed  []mappings.Mapping
}

type sourceConfig struct {
	URL      string
	Password secret
	TLS      struct{ Mode, CAFile, CertFile, KeyFile, ServerName string }
	ServerID uint32

	IgnoreStatements []string

	Slot, Publication string
	Heartbeat         time.Duration // zero: none
	ReadURL           string
}

type targetConfig struct {
	Kind, URL, User     string
	Password, APIKey    secret
	CAFile, Fingerprint string
	VersionColumn       string
	AccountInURL        bool // the user and password in URL count
}

// layer orders the places a value can come from: the higher beats the lower.
type layer uint8

const (
	fromDefault layer = iota
	fromFile
	fromVariable
	fromFlag
)

// origin is the place a value came from, for messages.
type origin struct {
	layer layer
	name  string // "--rate", "MEEPO_RATE", "meepo.yaml:3:7: rate"
	at    *place // of the file; nil otherwise
}

// problem makes an error about a value that came from here.
func (o origin) problem(format string, args ...any) *problem {
	p := &problem{Text: fmt.Sprintf(format, args...), At: o.at, Where: o.name}
	if o.at != nil {
		p.Text = o.name + ": " + p.Text
		p.Where = ""
	}
	return p
}

// given is what one layer says about one setting.
type given struct {
	texts  []string
	origin origin
}

// environment is what a configuration is made from, apart from the file.
type environment struct {
	flags   *pflag.FlagSet
	lookup  func(name string) (string, bool)
	environ []string // NAME=value, to find misspelt names
	use     usedBy
}

// load reads all layers and returns the configuration, what to warn of, and all that is wrong
// with it at once.
func load(env environment) (*config, []string, error) {
	c := &config{origins: map[string]origin{}}
	var wrong []error
	var file *fileValues
	var err error
	if env.use&byInit == 0 { // init writes the file, and an older one is not what it is made of
		if file, err = c.loadFile(env); err != nil {
			wrong = append(wrong, err)
		}
	}
	for i := range settings {
		s := &settings[i]
		value, ok := s.winner(env, file)
		if !ok {
			continue
		}
		c.origins[s.name()] = value.origin
		if s.key == "mappings" && value.origin.layer == fromFile {
			c.Mappings = file.mappings
		}
		if err := s.assign(c, value.texts); err != nil {
			wrong = append(wrong, value.origin.problem("%v", err))
		}
	}
	wrong = append(wrong, c.settle(env.use)...)
	if len(wrong) == 0 { // else something may seem to be missing that was said wrongly
		wrong = append(wrong, c.required(env.use)...)
	}
	wrong = append(wrong, c.validate(env.use)...)
	if c.parsed, err = c.parseMappings(env.lookup); err != nil {
		wrong = append(wrong, err)
	}
	return c, c.warnings(env), errors.Join(inFileOrder(wrong)...)
}

// inFileOrder takes joined errors apart and puts those of the file first, as they stand in it.
func inFileOrder(wrong []error) []error {
	list := flatten(errors.Join(wrong...))
	at := func(err error) (int, int) {
		var p *problem
		if errors.As(err, &p) && p.At != nil {
			return p.At.line, p.At.column
		}
		return math.MaxInt, 0
	}
	slices.SortStableFunc(list, func(a, b error) int {
		aLine, aColumn := at(a)
		bLine, bColumn := at(b)
		return cmp.Or(cmp.Compare(aLine, bLine), cmp.Compare(aColumn, bColumn))
	})
	return list
}

// winner returns what the highest layer that says anything about s says.
func (s *setting) winner(env environment, file *fileValues) (given, bool) {
	if s.flag != "" && env.flags != nil {
		if f := env.flags.Lookup(s.flag); f != nil && f.Changed {
			texts := f.Value.(*textFlag).texts
			if !s.list() {
				texts = texts[len(texts)-1:]
			}
			return given{texts, origin{layer: fromFlag, name: "--" + s.flag}}, true
		}
	}
	// An empty variable is an unset one: compose files pass them on like that.
	if text, _ := env.lookup(s.env()); text != "" {
		return given{[]string{text}, origin{layer: fromVariable, name: s.env()}}, true
	}
	if file != nil && s.key != "" {
		if value, ok := file.values[s.key]; ok {
			return value, true
		}
	}
	if s.def != "" {
		return given{[]string{s.def}, origin{layer: fromDefault, name: s.name()}}, true
	}
	return given{}, false
}

// loadFile reads the file that --config or its variable names, or the default one if it exists.
func (c *config) loadFile(env environment) (*fileValues, error) {
	path, named := defaultConfigFile, false
	for i := range settings {
		if s := &settings[i]; s.flag == "config" {
			if value, ok := s.winner(env, nil); ok {
				path, named = strings.TrimSpace(value.texts[0]), true
			}
		}
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, &problem{Where: "--config", Text: "read configuration: " + err.Error(),
			Advice: "name a file that exists, or leave --config out and use flags"}
	}
	c.text = newConfigText(path, raw)
	return parseFile(c.text, env.lookup)
}

// required finds what is not said and has to be.
func (c *config) required(use usedBy) []error {
	var wrong []error
	require := func(needed bool, name, value, text, advice string) {
		if needed && value == "" {
			wrong = append(wrong, &problem{Where: name, Text: text, Advice: advice})
		}
	}
	require(use&sourceSide != 0, "source.url", c.Source.URL, "no source is given",
		"add --source mysql://user@host:3306/database, set MEEPO_SOURCE, or write source: {url: …} in "+defaultConfigFile)
	require(use&targetSide != 0, "target.kind", c.Target.Kind, "no target is given",
		"add --target elastic, set MEEPO_TARGET, or write target: {kind: elastic, url: …} in "+defaultConfigFile)
	require(use&targetSide != 0, "target.url", c.Target.URL, "the target's URL is not given",
		"add --target-url http://localhost:9200, set MEEPO_TARGET_URL, or write target: {url: …} in "+defaultConfigFile)
	return wrong
}

// validate finds what does not fit together.
func (c *config) validate(use usedBy) []error {
	var wrong []error
	if use&byRun != 0 && c.Once && c.FollowOnly {
		wrong = append(wrong, c.origins["follow_only"].problem(
			"cannot be used together with %s: one ends when the copy is done, the other makes none", c.origins["once"].name))
	}
	if use&byRun != 0 && (c.MaxRejected <= 0 || c.MaxRejected > 1) {
		wrong = append(wrong, c.origins["max_rejected"].problem("%g is not a share above 0, up to 1: 0.25 is a quarter", c.MaxRejected))
	}
	if use&sourceSide != 0 && c.AllTables && len(c.Tables) > 0 {
		wrong = append(wrong, c.origins["all_tables"].problem(
			"cannot be used together with %s: say one of them", c.origins["tables"].name))
	}
	wrong = append(wrong, c.checkDrivers(use)...)
	if _, fits := c.sourceKind().inURL(c.Source.URL); use&sourceSide != 0 && fits {
		_, err := c.askedTables()
		wrong = append(wrong, err)
	}
	if err := checkListen(c.Listen); use&byRun != 0 && err != nil {
		wrong = append(wrong, c.origins["listen"].problem("%v", err))
	}
	return wrong
}

// warnings lists what works and should still be changed.
func (c *config) warnings(env environment) []string {
	var list []string
	for name, url := range map[string]string{"source.url": c.Source.URL, "source.read_url": c.Source.ReadURL, "target.url": c.Target.URL} {
		if at := c.origins[name]; at.layer == fromFlag && hasPassword(url) {
			side, _, _ := strings.Cut(name, ".")
			list = append(list, fmt.Sprintf("the password in %s can be seen by everyone on this machine (ps); "+
				"use --%s-password-file or MEEPO_%s_PASSWORD", at.name, side, strings.ToUpper(side)))
		}
	}
	names := make([]string, len(settings))
	for i := range settings {
		names[i] = settings[i].env()
	}
	for _, entry := range env.environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || slices.Contains(names, name) {
			continue
		}
		if near := nearest(name, names); near != "" {
			list = append(list, fmt.Sprintf("the variable %s means nothing: did you mean %s?", name, near))
		}
	}
	slices.Sort(list)
	return list
}

// inFolderOf takes a relative path in the file from the file's folder, as other programs do, so
// that it does not matter where the process is started.
func inFolderOf(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}
