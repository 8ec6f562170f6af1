package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"delivery.internal/lib/contract"
	"delivery.internal/lib/projectconfig"
)

// keyAccepted holds the findings that don't keep a build image from being
// approved. A change of it is reviewed like any other.
const keyAccepted = "acceptedFindings"

var (
	// findingID is how ECR and Inspector name a vulnerability: CVE-2026-85091,
	// ALAS2023-2026-1234, GHSA-xxxx-xxxx-xxxx.
	findingID = regexp.MustCompile(`^[A-Z][A-Z0-9]*(?:-[A-Za-z0-9]+)+$`)
	// packageName is a package of RPM, Go or npm.
	packageName = regexp.MustCompile(`^[A-Za-z0-9@][A-Za-z0-9@+._/:-]*$`)
	// reason is one line. SSM refuses {{ in a parameter's value.
	reason = regexp.MustCompile(`^[^\x00-\x1f{}]{10,200}$`)
)

// readAccepted reads the accepted findings and says everything that is wrong
// with them. One that has run out is allowed: the gate counts its finding again.
func readAccepted(r *projectconfig.Reader) []contract.AcceptedFinding {
	var entries []map[string]string
	r.Object(keyAccepted, &entries, "a list of findings, each with id, reason and expires, and package where it is meant for one", `'[{"id":"CVE-2026-85091","reason":"the function is never called","expires":"2027-01-31"}]'`)
	var out []contract.AcceptedFinding
	for i, e := range entries {
		at := func(key string) string { return fmt.Sprintf("%s[%d].%s", keyAccepted, i, key) }
		for _, key := range slices.Sorted(maps.Keys(e)) {
			if !slices.Contains([]string{"id", "package", "reason", "expires"}, key) {
				r.Fail(at(key), e[key], "no such key, but id, package, reason or expires", "…; remove this one from the stack file")
			}
		}
		a := contract.AcceptedFinding{ID: e["id"], Package: e["package"], Reason: strings.TrimSpace(e["reason"]), Expires: e["expires"]}
		if !findingID.MatchString(a.ID) {
			r.Fail(at("id"), a.ID, "the name of a finding, as make image prints it", "CVE-2026-85091")
		}
		if _, given := e["package"]; given && !packageName.MatchString(a.Package) {
			r.Fail(at("package"), a.Package, "the name of a package, as make image prints it, or no such key for all packages", "zlib")
		}
		if !reason.MatchString(a.Reason) {
			r.Fail(at("reason"), a.Reason, "why the finding does no harm, in one line of 10 to 200 characters without braces", "'the function is never called'")
		}
		if _, err := time.Parse(time.DateOnly, a.Expires); err != nil {
			r.Fail(at("expires"), a.Expires, "the last day of the acceptance, as YYYY-MM-DD", "2027-01-31")
		}
		if slices.ContainsFunc(out, func(o contract.AcceptedFinding) bool { return o.ID == a.ID && o.Package == a.Package }) {
			r.Fail(at("id"), a.ID, "each finding once for each package", "CVE-2026-85091")
		}
		out = append(out, a)
	}
	return out
}
