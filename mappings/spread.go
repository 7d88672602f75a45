package mappings

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/meepo-replicate/meepo/source"
	"github.com/meepo-replicate/meepo/targets"
)

// spread names the destination of each row by columns of its key: orders_{region}.
type spread struct {
	parts []spreadPart
	bad   func(name string) string // what is wrong with a destination's name; empty: nothing

	mu   sync.Mutex
	made map[string]*targets.Destination // by name, of the plan's destination as it is now
	of   *targets.Destination            // whose fields those have
}

// spreadPart is a text, or a column of the key.
type spreadPart struct {
	literal string
	key     int // index in the key's columns; -1: literal
}

// IsSpread reports whether a destination's name, as plans and states have it, stands for many: it holds columns in braces, which
// no other name may.
func IsSpread(name string) bool { return strings.Contains(name, "{") }

// SpreadPrefix is what the names of all destinations begin with for which a name stands.
func SpreadPrefix(name string) string {
	prefix, _, _ := strings.Cut(name, "{")
	return prefix
}

// Spreads reports whether a name that is spread stands for a destination, among others.
func Spreads(name, dest string) bool {
	literals := []string{""}
	for rest := name; rest != ""; {
		literal, after, more := strings.Cut(rest, "{")
		literals[len(literals)-1] += literal
		if !more {
			break
		}
		_, rest, _ = strings.Cut(after, "}")
		literals = append(literals, "")
	}
	first, last := literals[0], literals[len(literals)-1]
	if len(dest) < len(first)+len(last) || !strings.HasPrefix(dest, first) || !strings.HasSuffix(dest, last) {
		return false
	}
	dest = dest[len(first) : len(dest)-len(last)]
	for _, literal := range literals[1:max(len(literals)-1, 1)] {
		_, after, found := strings.Cut(dest, literal)
		if !found {
			return false
		}
		dest = after
	}
	return true
}

// mayMeet reports whether two names, spread or not, may stand for one destination: nothing at their ends keeps them apart.
func mayMeet(a, b string) bool {
	if !IsSpread(a) {
		return Spreads(b, a)
	}
	if !IsSpread(b) {
		return Spreads(a, b)
	}
	end := func(name string) string { return name[strings.LastIndexByte(name, '}')+1:] }
	begins, ends := SpreadPrefix(a), end(a)
	return (strings.HasPrefix(begins, SpreadPrefix(b)) || strings.HasPrefix(SpreadPrefix(b), begins)) &&
		(strings.HasSuffix(ends, end(b)) || strings.HasSuffix(end(b), ends))
}

// spreadable are the kinds of columns that may name destinations: their texts are short and plain, or can be.
var spreadable = []source.Kind{source.KindText, source.KindInt, source.KindUint, source.KindEnum, source.KindUUID, source.KindBool, source.KindDate}

// spreadOf compiles `to` for a table; nil if it holds no column of the key. What is wrong is added to the compiler's errors.
func (c *compiler) spreadOf(m Mapping, columns source.Columns) (s *spread, name string, ok bool) {
	t := m.To.template()
	key := columns.KeyColumns()
	var wrong problems
	if !t.keyed("to", columns, &wrong) {
		for _, e := range wrong {
			if !c.errors.has(e.Place) {
				c.errors.add(e.Place, e.Hint, "%s", e.Message)
			}
		}
		return nil, "", false
	}
	s = &spread{bad: c.badDestination, made: map[string]*targets.Destination{}}
	names := false
	for _, p := range t.parts {
		if fixed, isFixed := tableName(p.name, columns.Table); p.name == "" || isFixed {
			s.parts = append(s.parts, spreadPart{literal: p.literal + fixed, key: -1})
			name += p.literal + fixed
			continue
		}
		at := slices.IndexFunc(key, func(k source.Column) bool { return k.Name == p.name })
		if !slices.Contains(spreadable, key[at].Type.Kind) {
			if !c.errors.has(t.at(p)) {
				c.errors.add(t.at(p), "", "to: {%s} is %s, of which no destination's name can be made", p.name, key[at].Type.Native)
			}
			return nil, "", false
		}
		s.parts = append(s.parts, spreadPart{key: at})
		name += "{" + p.name + "}"
		names = true
	}
	if !names {
		return nil, name, true
	}
	return s, name, true
}

// example is a name that a destination could have, to find what is wrong with all of them.
func (s *spread) example() string {
	var out strings.Builder
	for _, p := range s.parts {
		if p.key < 0 {
			out.WriteString(p.literal)
		} else {
			out.WriteByte('x')
		}
	}
	return out.String()
}

// name is the destination of a key. Where the target's names are in lower case, so is what the key says: ids hold the whole
// key, so that documents stay apart.
func (s *spread) name(key []string) (string, error) {
	var out strings.Builder
	for _, p := range s.parts {
		if p.key < 0 {
			out.WriteString(p.literal)
		} else {
			out.WriteString(key[p.key])
		}
	}
	name := out.String()
	problem := s.bad(name)
	if problem == "" {
		return name, nil
	}
	if lower := strings.ToLower(name); lower != name && s.bad(lower) == "" {
		return lower, nil
	}
	return "", fmt.Errorf("no destination can be named %q: %s", name, problem)
}

// destination is that of a key: the same pointer each time, as long as the plan's own stays the same.
func (s *spread) destination(of *targets.Destination, key []string) (*targets.Destination, error) {
	name, err := s.name(key)
	if err != nil {
		return nil, err
	}
	return s.named(of, name), nil
}

func (s *spread) named(of *targets.Destination, name string) *targets.Destination {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != of {
		s.of = of
		clear(s.made)
	}
	dest := s.made[name]
	if dest == nil {
		one := *of
		one.Name = name
		dest = &one
		s.made[name] = dest
	}
	return dest
}

// Spread reports whether the plan's rows go to many destinations, by their keys. Destination's name is then as `to` has it, with
// columns in braces; each op has the one of its row, with the same fields.
func (p *Plan) Spread() bool { return p.spread != nil }

// DestinationNamed is the destination of that name, one of those that the plan's own name stands for.
func (p *Plan) DestinationNamed(name string) *targets.Destination {
	if p.spread == nil {
		return p.dest
	}
	return p.spread.named(p.dest, name)
}

// DestinationOf returns where the document of a key goes. The error says why there can be no such destination.
func (p *Plan) DestinationOf(key source.Key) (*targets.Destination, error) {
	if p.spread == nil {
		return p.dest, nil
	}
	texts, err := keyTexts(nil, key, len(p.key))
	if err != nil {
		return nil, err
	}
	return p.spread.destination(p.dest, texts)
}
