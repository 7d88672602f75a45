// Package replicate starts a goroutine, and a TestMain that looks for none.
package replicate

func start() { go func() {}() }
