// Package mappings starts goroutines in tests only.
package mappings

func startInTest() { go func() {}() }
