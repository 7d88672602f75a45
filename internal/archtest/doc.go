// Package archtest keeps the shape of the repository by tests: which package may
// import which, where goroutines are started, what is documented, how long a file
// may be, and which names say nothing. A finding is a sentence that says what was
// crossed and why it stands; whoever has a better reason changes the rule here and
// ARCHITECTURE.md in the same commit.
//
// Each rule is proven by a small tree in testdata that breaks it.
package archtest
