package provider

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"

	"delivery.internal/lib/aws/typetoken"
)

// randomKinds are values made by the engine's host and kept in the state. See
// random_password in the Terraform registry.
func randomKinds() []Kind {
	count := number.def(0.0).replaces()
	return []Kind{{
		Token: typetoken.RandomPassword,
		// The real provider calls every password "none"; the resource table
		// tells resources apart by their ids.
		ID: serialID("none-%d"),
		Inputs: map[string]Input{
			"length":          number.required().between(1, 4096).replaces(),
			"special":         flag.def(true).replaces(),
			"lower":           flag.def(true).replaces(),
			"upper":           flag.def(true).replaces(),
			"numeric":         flag.def(true).replaces(),
			"minLower":        count,
			"minUpper":        count,
			"minNumeric":      count,
			"minSpecial":      count,
			"overrideSpecial": text.replaces(),
			"keepers":         mapOf(text).replaces(),
		},
		Plan:     planPassword,
		Computed: []string{"result", "bcryptHash"},
		Secrets:  []string{"result", "bcryptHash"},
		Outputs: func(c *Call) (map[string]any, error) {
			if c.Old != nil {
				return map[string]any{"result": c.Old.Outputs["result"], "bcryptHash": c.Old.Outputs["bcryptHash"]}, nil
			}
			return map[string]any{"result": drawPassword(c), "bcryptHash": "$2a$10$" + drawFrom(letters, 53)}, nil
		},
	}}
}

const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	special = "!@#$%&*()-_=+[]{}<>:?" // the provider's default
	letters = lower + upper + digits
)

// planPassword: see "length" in random_password.
func planPassword(c *Call) error {
	total := 0.0
	for _, in := range []string{"minLower", "minUpper", "minNumeric", "minSpecial"} {
		n, _ := c.number(in)
		total += n
	}
	if n, set := c.number("length"); set && n < total {
		return fmt.Errorf("length is %.0f: expected at least the sum of the minimums, %.0f", n, total)
	}
	if alphabet(c) == "" {
		return fmt.Errorf("lower, upper, numeric and special are all false: expected one of them to be true")
	}
	return nil
}

// alphabet is what a password is made of: everything that is not switched off.
func alphabet(c *Call) string {
	var out strings.Builder
	for _, class := range classes(c) {
		if on, set := c.Inputs[class.input].(bool); on || !set {
			out.WriteString(class.letters)
		}
	}
	return out.String()
}

type class struct{ input, minimum, letters string }

func classes(c *Call) []class {
	marks := special
	if s := c.Str("overrideSpecial"); s != "" {
		marks = s
	}
	return []class{{"lower", "minLower", lower}, {"upper", "minUpper", upper}, {"numeric", "minNumeric", digits}, {"special", "minSpecial", marks}}
}

// drawPassword makes a password.
func drawPassword(c *Call) string {
	n, _ := c.number("length")
	var out []rune
	for _, class := range classes(c) {
		least, _ := c.number(class.minimum)
		out = append(out, []rune(drawFrom(class.letters, int(least)))...)
	}
	out = append(out, []rune(drawFrom(alphabet(c), int(n)-len(out)))...)
	for i := len(out) - 1; i > 0; i-- {
		j := below(i + 1)
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}

// drawFrom draws n characters.
func drawFrom(from string, n int) string {
	set := []rune(from)
	var out strings.Builder
	for range n {
		out.WriteRune(set[below(len(set))])
	}
	return out.String()
}

func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err) // crypto/rand's reader never fails
	}
	return int(i.Int64())
}
