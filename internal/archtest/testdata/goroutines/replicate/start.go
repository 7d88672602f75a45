// Package replicate may.
package replicate

func start() { go func() {}() }
