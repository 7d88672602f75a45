// Package metrics turns what an engine tells its observer, and its status, into Prometheus metrics.
//
// Every name, with its help, unit and labels, stands in names.go and nowhere else; docs/operations.md
// says what to do about them. Counters count what this process has seen and begin at zero with it;
// gauges are read from the status whenever somebody asks.
package metrics
