package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/meepo-replicate/meepo/source"
)

// What init takes for a secret, by the words of a column's name: docs/init.md lists the same. Words are what stands
// between underscores, digits and capitals, so that passport_no, tokenizer and pinned_at are none.

// secretWords make a name a secret's wherever they stand in it.
var secretWords = []string{
	"password", "passwords", "passwd", "pwd", "pw", "pass", "passphrase", "passcode", "passwort", "kennwort", "contrasena", "senha",
	"secret", "secrets", "token", "tokens", "jwt", "salt", "nonce", "credential", "credentials", "cookie", "cookies",
	"otp", "totp", "hotp", "pin", "mfa", "apikey", "apikeys", "apisecret", "apitoken", "accesskey", "accesstoken", "authtoken", "authkey",
	"refreshtoken", "resettoken", "sessiontoken", "bearertoken", "privatekey", "secretkey", "sshkey", "userpass", "dbpass",
	"cvv", "cvv2", "cvc", "cvc2", "iban", "ssn", "creditcard", "cardnumber", "cardno", "ccnumber",
}

// secretPairs do so where they stand side by side.
var secretPairs = [][2]string{
	{"api", "key"}, {"api", "keys"}, {"private", "key"}, {"access", "key"}, {"auth", "key"}, {"activation", "key"}, {"reset", "key"},
	{"encryption", "key"}, {"signing", "key"}, {"master", "key"}, {"ssh", "key"}, {"license", "key"}, {"session", "key"}, {"recovery", "code"},
	{"recovery", "codes"}, {"backup", "code"}, {"backup", "codes"}, {"reset", "code"}, {"verification", "code"}, {"security", "code"},
	{"security", "answer"}, {"secret", "answer"}, {"social", "security"}, {"card", "number"}, {"card", "no"}, {"card", "num"},
	{"credit", "card"}, {"cc", "number"}, {"cc", "num"}, {"auth", "hash"}, {"session", "id"},
}

// secretParts are so plain that they count within a longer word: userpassword, passwordhash.
var secretParts = []string{"password", "passwd", "passphrase"}

// aboutSecrets end a name that tells of a secret without being one: password_changed_at, token_type.
var aboutSecrets = []string{
	"at", "on", "date", "time", "type", "kind", "count", "status", "state", "expires", "expiry", "expired", "expiration", "until",
	"length", "version", "name", "enabled", "required", "changed", "attempts", "policy", "url", "algorithm", "algo",
}

// numericSecrets are those that a number can be.
var numericSecrets = []string{"pin", "otp", "cvv", "cvv2", "cvc", "cvc2", "ssn", "passcode", "creditcard", "cardnumber", "cardno", "ccnumber"}

// looksSecret reports whether a column's values should not be copied unless somebody has thought about it.
func looksSecret(column source.Column) bool {
	words := wordsOf(column.Name)
	if len(words) == 0 || slices.Contains(aboutSecrets, words[len(words)-1]) {
		return false
	}
	switch column.Type.Kind {
	case source.KindInt, source.KindUint, source.KindDecimal:
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(numericSecrets, w) }) || hasSecretPair(words, func(p [2]string) bool {
			return p[0] == "card" || p[0] == "cc" || p[0] == "social" || p[1] == "code"
		})
	case source.KindText, source.KindBinary, source.KindJSON, source.KindUUID:
	default: // a date, a flag, a measure
		return false
	}
	return slices.ContainsFunc(words, isSecretWord) || hasSecretPair(words, func([2]string) bool { return true })
}

func isSecretWord(word string) bool {
	within := func(part string) bool { return strings.Contains(word, part) }
	return slices.Contains(secretWords, word) || slices.ContainsFunc(secretParts, within)
}

func hasSecretPair(words []string, counts func([2]string) bool) bool {
	for i := 1; i < len(words); i++ {
		if pair := [2]string{words[i-1], words[i]}; slices.Contains(secretPairs, pair) && counts(pair) {
			return true
		}
	}
	return false
}

// wordsOf takes a name apart, in lower case: userAPIKey2 is user, api, key. A digit ends a word and is none, unless
// the word with it is known, as cvv2 is.
func wordsOf(name string) []string {
	var words []string
	runes := []rune(name)
	begin := 0
	cut := func(end int) {
		if end > begin {
			words = append(words, strings.ToLower(string(runes[begin:end])))
		}
		begin = end
	}
	for i, r := range runes {
		switch {
		case unicode.IsDigit(r) && i > begin && slices.Contains(secretWords, strings.ToLower(string(runes[begin:i+1]))):
		case !unicode.IsLetter(r):
			cut(i)
			begin = i + 1
		case i > begin && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			cut(i)
		}
	}
	cut(len(runes))
	return words
}
