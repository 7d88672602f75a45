package mongo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meepo-replicate/meepo/targets"
)

const (
	maxDatabase  = 63
	maxNamespace = 120 // "database.collection" in bytes; 255 since MongoDB 4.4
	// ownDatabase holds what this product keeps for itself, where the URL names no database.
	ownDatabase = "meepo_replicate"
	// ownPrefix begins the names of its collections.
	ownPrefix = "meepo_replicate."
)

// CheckName says why a destination cannot be called so; nil if it can: a database and a collection, with a dot between.
// It asks nobody. See "Naming Restrictions" in MongoDB's manual.
func CheckName(name string) error {
	database, collection, ok := strings.Cut(name, ".")
	switch {
	case !ok || database == "" || collection == "":
		return fmt.Errorf("the name %q is not a database and a collection: want %q", name, "app."+strings.Trim(name, "."))
	case !utf8.ValidString(name) || strings.ContainsAny(collection, "$\x00"):
		return fmt.Errorf("the name %q is not valid UTF-8 without $ and NUL", name)
	case strings.HasPrefix(collection, "system.") || strings.HasPrefix(collection, ownPrefix):
		return fmt.Errorf("the name %q is not for collections of rows", name)
	case collection[0] == '.' || strings.HasSuffix(collection, ".") || strings.Contains(collection, ".."):
		return fmt.Errorf("the name %q has an empty part", name)
	case len(name) > maxNamespace:
		return fmt.Errorf("the name %q has %d bytes, at most %d are allowed", name, len(name), maxNamespace)
	}
	return checkDatabase(database)
}

func checkDatabase(name string) error {
	switch {
	case slices.Contains([]string{"admin", "local", "config", ownDatabase}, strings.ToLower(name)):
		return fmt.Errorf("the database %q is not for collections of rows", name)
	case !utf8.ValidString(name) || strings.ContainsAny(name, "/\\. \"$*<>:|?\x00"):
		return fmt.Errorf(`the database %q has a character that no database may have: / \ . " $ * < > : | ? a space, NUL`, name)
	case len(name) > maxDatabase:
		return fmt.Errorf("the database %q has %d bytes, at most %d are allowed", name, len(name), maxDatabase)
	}
	return nil
}

// CheckFields says why fields cannot be those of a document; nil if they can. It asks nobody.
func CheckFields(fields []targets.Field) error {
	for _, field := range fields {
		if err := askedTypes.Check(field); err != nil {
			return err
		}
		if field.Name == "_id" || strings.HasPrefix(field.Name, "_id.") {
			return fmt.Errorf("field %s: the document's _id is its key; give the field another name", field.Name)
		}
		for _, part := range strings.Split(field.Name, ".") {
			if err := checkPart(part); err != nil {
				return fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
	}
	return targets.CheckPaths(fields)
}

// checkPart looks at a name within an object.
func checkPart(name string) error {
	switch {
	case strings.HasPrefix(name, "$"):
		return errors.New("the name begins with $, as operators do")
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return errors.New("the name has NUL, or is not valid UTF-8")
	}
	return nil
}

// checkKeyName looks at the name of one of several key columns, which are a document in _id.
func checkKeyName(name string) error {
	if name == "" || strings.Contains(name, ".") {
		return fmt.Errorf("key column %q: a key of several columns is a document, where a name may not be empty or have a dot", name)
	}
	if err := checkPart(name); err != nil {
		return fmt.Errorf("key column %s: %w", name, err)
	}
	return nil
}
