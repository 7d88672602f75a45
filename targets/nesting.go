package targets

import (
	"fmt"
	"slices"
	"strings"
)

// Member is a part of a document whose fields' names have dots.
type Member struct {
	Name    string   // within its object
	Field   int      // the index of the field; -1: it is an object
	Members []Member // of an object
}

// Nest makes objects of the dots in fields' names: address.street is street in the object address. Members stand in the order of
// their first fields. The names have passed CheckPaths.
func Nest(fields []Field) []Member {
	var root Member
	for i, field := range fields {
		path := strings.Split(field.Name, ".")
		in := &root
		for _, name := range path[:len(path)-1] {
			at := slices.IndexFunc(in.Members, func(m Member) bool { return m.Name == name })
			if at < 0 {
				at = len(in.Members)
				in.Members = append(in.Members, Member{Name: name, Field: -1})
			}
			in = &in.Members[at]
		}
		in.Members = append(in.Members, Member{Name: path[len(path)-1], Field: i})
	}
	return root.Members
}

// CheckPaths says why fields cannot stand in one document in which dots nest; nil if they can.
func CheckPaths(fields []Field) error {
	paths := make(map[string]bool, len(fields))
	for _, field := range fields {
		switch name := field.Name; {
		case name == "":
			return fmt.Errorf("field %q: the name is empty", name)
		case paths[name]:
			return fmt.Errorf("field %s: there are two of that name", name)
		case slices.Contains(strings.Split(name, "."), ""):
			return fmt.Errorf("field %q: a dot at an end or beside a dot", name)
		}
		paths[field.Name] = true
	}
	for _, field := range fields {
		name := field.Name
		for i := range len(name) {
			if name[i] == '.' && paths[name[:i]] {
				return fmt.Errorf("fields %s and %s: the dot makes %s an object, which it is not", name[:i], name, name[:i])
			}
		}
	}
	return nil
}
