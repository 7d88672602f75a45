// Package mappings starts what it must not.
package mappings

type group struct{}

func (group) Go(func() error) {}

func start() {
	go func() {}()
	group{}.Go(func() error { return nil })
}
