// Package util holds anything.
package util
