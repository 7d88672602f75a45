// Package e2e holds the tests of the whole process: the built program against real servers, its
// messages and exit codes, and what is left after it was stopped or killed.
//
// The program is built once per test run; see [TestMain] and the functions beside it.
package e2e
