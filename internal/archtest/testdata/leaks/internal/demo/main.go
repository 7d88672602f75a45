// Command demo opens a connection and has no tests in which one could be left.
package main

import "net/http"

func main() { _, _ = http.Get("http://localhost") }
