// Package elastic looks for its goroutines.
package elastic

func start() { go func() {}() }
