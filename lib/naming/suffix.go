package naming

import (
	"fmt"
	"io"
	"slices"
)

// DocumentedSuffix is the suffix of the rehearsal, the documents and the sample.
const DocumentedSuffix = "a1b2"

// DocumentedSuffixes lists every suffix that stands in the documents. Whoever
// followed them first has owned the bucket names worldwide ever since, so that
// only a rehearsal can use them.
func DocumentedSuffixes() []string { return []string{DocumentedSuffix} }

// FreeSuffix says whether a real installation may use a suffix: a valid one
// that is not of the documents. The error is a full sentence.
func FreeSuffix(suffix string) error {
	if err := ValidSuffix(suffix); err != nil {
		return err
	}
	if slices.Contains(DocumentedSuffixes(), suffix) {
		return fmt.Errorf("environment suffix %q stands in the documents, and bucket names are unique among all accounts of AWS, so that whoever followed the documents first owns its buckets: expected a suffix of your own", suffix)
	}
	return nil
}

// The alphabet of random suffixes leaves out what is easily misread. It has 32
// characters, so that five bits choose one evenly.
const (
	suffixLetters  = "abcdefghijkmnpqrstuvwxyz"
	suffixAlphabet = suffixLetters + "23456789"
	suffixLength   = 8
)

// RandomSuffix returns a suffix that nobody else is likely to have: 8
// characters, of which there are 8 · 10^11, read from random.
func RandomSuffix(random io.Reader) (string, error) {
	suffix := make([]byte, 0, suffixLength)
	b := make([]byte, 1)
	for len(suffix) < suffixLength {
		if _, err := io.ReadFull(random, b); err != nil {
			return "", fmt.Errorf("a random suffix can't be made: %w", err)
		}
		c := suffixAlphabet[int(b[0])%len(suffixAlphabet)]
		if len(suffix) == 0 && c < 'a' {
			continue // a suffix begins with a letter
		}
		suffix = append(suffix, c)
	}
	return string(suffix), nil
}
