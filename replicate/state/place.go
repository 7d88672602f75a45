package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrPlace: what stands at the path cannot be a state file, whatever is in it.
var ErrPlace = errors.New("not a file that can hold a state")

// settled returns the one path of a state file, with all symbolic links followed, so that two runs
// that name it differently meet at the same lock. A file that is not there yet is no error; one that
// has a second name for good, which no lock can see, or that this process may not open, is.
func settled(path string, writing bool) (string, error) {
	for range 40 { // as many links as the kernel follows
		link, err := os.Readlink(path)
		if err != nil {
			break // not a link, or nothing there
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, filepath.Base(path))
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: it is of the kind %s", ErrPlace, info.Mode().Type())
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return "", fmt.Errorf("%w: it has %d names (hard links), and a run by another one would not be noticed", ErrPlace, stat.Nlink)
	}
	const toRead, toWrite = 4, 2
	mode := uint32(toRead)
	if writing {
		mode |= toWrite
	}
	// Not by opening it: closing it again would give up the locks that SQLite has on it in this process.
	if err := syscall.Access(path, mode); err != nil {
		return "", &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return path, nil
}
