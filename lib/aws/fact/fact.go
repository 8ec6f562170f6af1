// Package fact ties a rule to the page that it comes from.
//
// A package that holds to a rule of AWS, GitHub or Pulumi declares
//
//	var Facts = []fact.Fact{{Rule: ..., Page: ..., Enforced: ...}}
//
// with literals alone: `make facts` reads them from the source, without
// building the package, and prints the table of all.
package fact

// Fact is one rule, as whoever made it states it.
type Fact struct {
	// Rule is the rule in one sentence.
	Rule string
	// Page is the address of the page that states it.
	Page string
	// Enforced names what holds to it, separated by commas: functions, types,
	// variables or constants of the package that declares the fact, or of
	// another one in the form folder.Name, the folder below lib.
	Enforced string
}
