package mappings

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// leastKey is how long the key of a hash has to be: short ones are found by trying.
const leastKey = 16

// maskOf returns how a mask changes a value.
func maskOf(mask, key string) conversion {
	switch mask {
	case "redact":
		return func(any) (any, error) { return "***", nil }
	case "last4":
		return func(value any) (any, error) {
			text, err := plainText(value)
			runes := []rune(text)
			if len(runes) <= 4 {
				return "****", err
			}
			return "****" + string(runes[len(runes)-4:]), err
		}
	}
	return func(value any) (any, error) {
		text, err := plainText(value)
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(nil)), err
	}
}

// keyDigest stands for a secret where something is kept that tells one from another.
func keyDigest(key string) string {
	if key == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("meepo mapping fingerprint"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// plainText is a value as a text: numbers in decimal, bytes in hexadecimal.
func plainText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	case []byte:
		return hex.EncodeToString(v), nil
	}
	return "", fmt.Errorf("a %T is no value of a row", value)
}
