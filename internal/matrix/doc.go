// Package matrix is the failure matrix: at which points the process is killed, which faults it is
// shown, between which sources and targets, and which test proves what. The tests of internal/e2e
// take their cases from here, and the table in README is made of it and of the results of a run, so
// that neither can say what the other does not.
package matrix
