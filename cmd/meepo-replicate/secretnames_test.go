package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meepo-replicate/meepo/source"
)

func TestLooksSecret(t *testing.T) {
	for _, test := range []struct {
		kind    source.Kind
		secret  bool
		columns string
	}{
		{source.KindText, true, "password passwd pwd PASSWORD user_pass userPass password_hash passwordHash hashed_password userpassword passwordhash password2 " +
			"PasswordSalt salt secret client_secret token access_token oauth2_token accessToken apikey api_key APIKey userAPIKey private_key privateKey ssh_key " +
			"user_activation_key post_password reset_token token_id session_id remember_token card_number cc_number creditcard cvv cvv2 cvc iban ssn social_security_no " +
			"pin pin_code security_answer recovery_codes totp_seed jwt session_tokens"},
		{source.KindText, false, "passport_no passport tokenizer pinned_by pinterest compass passage bypass_reason salted_caramel secretary secretariat keyboard key key_name " +
			"token_type token_name secret_name password_policy password_changed_at spin opinion shipping card_type card_holder api_version apiary private public_key author " +
			"description cookiecutter ssnoop hash content_hash meta_key foreign_key passenger passed pwdx state code zip_code id number"},
		{source.KindInt, true, "pin cvv card_number ssn otp security_code"},
		{source.KindInt, false, "token_count tokens password_length user_pass_id secret_id session_id passwords salt iban_id access_key"},
		{source.KindTimestamp, false, "password token secret api_key"},
		{source.KindBool, false, "password secret pin"},
		{source.KindBinary, true, "salt private_key secret"},
		{source.KindJSON, true, "credentials tokens"},
	} {
		for name := range strings.FieldsSeq(test.columns) {
			if got := looksSecret(source.Column{Name: name, Type: source.Type{Kind: test.kind}}); got != test.secret {
				t.Errorf("%s of kind %d: %v (words %q)", name, test.kind, got, wordsOf(name))
			}
		}
	}
}

// TestSecretNames_Documented keeps the page and the lists equal.
func TestSecretNames_Documented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/init.md")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(raw), "It looks like a secret if it has one of the words")
	var pairs []string
	for _, pair := range secretPairs {
		pairs = append(pairs, pair[0]+" "+pair[1])
	}
	want := slices.Concat(secretWords, pairs, secretParts, aboutSecrets, numericSecrets)
	var got []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(page, -1) {
		got = append(got, m[1])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/init.md (-code +page):\n%s", diff)
	}
}
