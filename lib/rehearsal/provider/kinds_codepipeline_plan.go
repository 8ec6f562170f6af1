package provider

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"delivery.internal/lib/aws/pipelinevar"
)

// actionType says what CodePipeline demands of an action. See "Action
// structure reference" in its user guide.
type actionType struct {
	required, optional []string
	inputs, outputs    [2]int // least and most artifacts
	exports            []string
}

// actionTypes are known by category, owner, provider and version.
var actionTypes = map[string]actionType{
	"Source AWS CodeStarSourceConnection 1": {
		required: []string{"ConnectionArn", "FullRepositoryId", "BranchName"}, optional: []string{"OutputArtifactFormat", "DetectChanges"},
		outputs: [2]int{1, 1}, exports: []string{"AuthorDate", "AuthorDisplayName", "AuthorEmail", "AuthorId", "BranchName", "CommitId", "CommitMessage", "ConnectionArn", "FullRepositoryName"},
	},
	"Source AWS S3 1":         {required: []string{"S3Bucket", "S3ObjectKey"}, optional: []string{"PollForSourceChanges", "AllowOverrideForS3ObjectKey"}, outputs: [2]int{1, 1}, exports: []string{"BucketName", "ETag", "ObjectKey", "VersionId"}},
	"Source AWS ECR 1":        {required: []string{"RepositoryName"}, optional: []string{"ImageTag"}, outputs: [2]int{1, 1}, exports: []string{"ImageDigest", "ImageTag", "ImageURI", "RegistryId", "RepositoryName"}},
	"Source AWS CodeCommit 1": {required: []string{"RepositoryName", "BranchName"}, optional: []string{"PollForSourceChanges", "OutputArtifactFormat"}, outputs: [2]int{1, 1}, exports: []string{"AuthorDate", "BranchName", "CommitId", "CommitMessage", "CommitterDate", "RepositoryName"}},
	"Build AWS CodeBuild 1":   {required: []string{"ProjectName"}, optional: []string{"PrimarySource", "BatchEnabled", "CombineArtifacts", "EnvironmentVariables"}, inputs: [2]int{1, 5}, outputs: [2]int{0, 5}},
	"Test AWS CodeBuild 1":    {required: []string{"ProjectName"}, optional: []string{"PrimarySource", "BatchEnabled", "CombineArtifacts", "EnvironmentVariables"}, inputs: [2]int{1, 5}, outputs: [2]int{0, 5}},
	"Approval AWS Manual 1":   {optional: []string{"NotificationArn", "CustomData", "ExternalEntityLink"}},
	"Invoke AWS Lambda 1":     {required: []string{"FunctionName"}, optional: []string{"UserParameters"}, inputs: [2]int{0, 5}, outputs: [2]int{0, 5}},
	"Deploy AWS S3 1":         {required: []string{"BucketName", "Extract"}, optional: []string{"ObjectKey", "KMSEncryptionKeyARN", "CannedACL", "CacheControl"}, inputs: [2]int{1, 1}},
}

func typeOfAction(a map[string]any) string {
	return strings.Join([]string{str(a, "category"), str(a, "owner"), str(a, "provider"), str(a, "version")}, " ")
}

// variablesOf are the variables that an action's configuration uses, sorted.
func variablesOf(action map[string]any) []pipelinevar.Variable {
	config, _ := action["configuration"].(map[string]any)
	var out []pipelinevar.Variable
	for _, k := range slices.Sorted(maps.Keys(config)) {
		text, _ := config[k].(string)
		out = append(out, pipelinevar.In(text)...)
	}
	return out
}

// pipelineCheck walks a pipeline in the order in which it would run.
type pipelineCheck struct {
	failed
	artifacts map[string]bool     // made so far
	known     map[string][]string // variables by namespace; nil where AWS does not know them before a run
}

func planPipeline(c *Call) error {
	p := &pipelineCheck{artifacts: map[string]bool{}, known: map[string][]string{"codepipeline": {"PipelineExecutionId"}}}
	p.checkVersion(c)
	p.checkVariables(c)
	if c.Unknown["stages"] {
		return p.err()
	}
	stages, names := objects(c.Inputs, "stages"), map[string]bool{}
	for i, s := range stages {
		name := str(s, "name")
		p.when(names[name], "InvalidStageDeclarationException: stage %s is there twice", name)
		names[name] = true
		p.checkStage(s, i == 0)
	}
	p.checkTriggers(c, stages)
	return p.err()
}

// version: queues, variables and triggers came with pipelines of type V2.
func (p *pipelineCheck) checkVersion(c *Call) {
	if c.Str("pipelineType") == "V2" || c.Unknown["pipelineType"] {
		return
	}
	for _, in := range []string{"variables", "triggers"} {
		p.when(c.isGiven(in), "InvalidStructureException: %s need pipelineType V2", in)
	}
	mode := c.Str("executionMode")
	p.when(mode != "" && mode != "SUPERSEDED", "InvalidStructureException: executionMode %s needs pipelineType V2", mode)
}

func (p *pipelineCheck) checkVariables(c *Call) {
	p.known["variables"] = []string{}
	for _, v := range objects(c.Inputs, "variables") {
		name := str(v, "name")
		p.when(slices.Contains(p.known["variables"], name), "InvalidStructureException: variable %s is there twice", name)
		p.known["variables"] = append(p.known["variables"], name)
	}
}

// checkStage checks the actions by their order: what actions of one order make is
// there for later ones only.
func (p *pipelineCheck) checkStage(s map[string]any, first bool) {
	actions, names, orders := objects(s, "actions"), map[string]bool{}, map[float64][]map[string]any{}
	for _, a := range actions {
		name := str(a, "name")
		p.when(names[name], "InvalidActionDeclarationException: action %s is there twice in stage %s", name, str(s, "name"))
		names[name] = true
		p.when((str(a, "category") == "Source") != first, "InvalidStructureException: action %s in stage %s is of category %s: the first stage holds source actions, and no other stage does", name, str(s, "name"), str(a, "category"))
		order, set := a["runOrder"].(float64)
		if !set {
			order = 1
		}
		orders[order] = append(orders[order], a)
	}
	p.checkFailure(s, first)
	for _, order := range slices.Sorted(maps.Keys(orders)) {
		for _, a := range orders[order] {
			p.checkAction(str(s, "name")+"/"+str(a, "name"), a)
		}
		for _, a := range orders[order] {
			p.addOutputs(str(s, "name")+"/"+str(a, "name"), a)
		}
	}
}

// failure: see "Configure stage rollback" and "Configure stage retry".
func (p *pipelineCheck) checkFailure(s map[string]any, first bool) {
	result := str(s, "onFailure.result")
	p.when(first && result == "ROLLBACK", "InvalidStructureException: stage %s: rollback is not available for the source stage", str(s, "name"))
	p.when(str(s, "onFailure.retryConfiguration.retryMode") != "" && result != "RETRY", "InvalidStructureException: stage %s: retryConfiguration belongs to the result RETRY", str(s, "name"))
}

func (p *pipelineCheck) checkAction(at string, a map[string]any) {
	t, ok := actionTypes[typeOfAction(a)]
	if !ok {
		p.errs = append(p.errs, errAction(at, "has the type %q, which the local cloud does not know: expected one of %s", typeOfAction(a), strings.Join(slices.Sorted(maps.Keys(actionTypes)), ", ")))
		return
	}
	p.checkConfiguration(at, t, a)
	in, out := texts(a["inputArtifacts"]), texts(a["outputArtifacts"])
	p.checkCount(at, "input", len(in), t.inputs)
	p.checkCount(at, "output", len(out), t.outputs)
	for _, i := range in {
		p.when(!p.artifacts[i], "InvalidStructureException: Input Artifact Bundle %s in action %s is not declared as Output Artifact Bundle in any of the preceding actions", i, at)
	}
	if a["timeoutInMinutes"] != nil && str(a, "category") != "Approval" {
		p.errs = append(p.errs, errAction(at, "has timeoutInMinutes, which belongs to approvals"))
	}
	for _, v := range variablesOf(a) {
		p.checkUse(at, v)
	}
}

func (p *pipelineCheck) checkCount(at, what string, n int, bounds [2]int) {
	if n < bounds[0] || n > bounds[1] {
		p.errs = append(p.errs, errAction(at, "has %d %s artifacts: expected %d to %d", n, what, bounds[0], bounds[1]))
	}
}

// checkUse refuses a variable that nothing before the action makes.
func (p *pipelineCheck) checkUse(at string, v pipelinevar.Variable) {
	known, ok := p.known[v.Namespace]
	if !ok || !v.Closed() || known != nil && !slices.Contains(known, v.Name) {
		p.errs = append(p.errs, errAction(at, "uses the variable %s, which no action before it makes", v.Text))
	}
}

// configuration: known keys only, and those that the type demands.
func (p *pipelineCheck) checkConfiguration(at string, t actionType, a map[string]any) {
	config, _ := a["configuration"].(map[string]any)
	for _, key := range t.required {
		if str(config, key) == "" {
			p.errs = append(p.errs, errAction(at, "lacks the configuration key %s", key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(config)) {
		if !slices.Contains(t.required, key) && !slices.Contains(t.optional, key) {
			p.errs = append(p.errs, errAction(at, "has the unknown configuration key %s", key))
		}
	}
	switch str(a, "provider") {
	case "CodeStarSourceConnection":
		p.checkConnection(at, config)
	case "CodeBuild":
		p.checkBuild(at, config, texts(a["inputArtifacts"]))
	}
}

func (p *pipelineCheck) checkConnection(at string, config map[string]any) {
	format, detect := str(config, "OutputArtifactFormat"), str(config, "DetectChanges")
	for _, err := range []error{
		oneOf("OutputArtifactFormat", cmp.Or(format, "CODE_ZIP"), []string{"CODE_ZIP", "CODEBUILD_CLONE_REF"}),
		oneOf("DetectChanges", cmp.Or(detect, "true"), []string{"true", "false"}),
	} {
		if err != nil {
			p.errs = append(p.errs, errAction(at, "%v", err))
		}
	}
	if r := str(config, "FullRepositoryId"); strings.Count(r, "/") < 1 {
		p.errs = append(p.errs, errAction(at, "has FullRepositoryId %q: expected owner/name", r))
	}
	if !strings.HasPrefix(str(config, "ConnectionArn"), "arn:aws:code") {
		p.errs = append(p.errs, errAction(at, "has ConnectionArn %q: expected the ARN of a connection", str(config, "ConnectionArn")))
	}
}

// build: see the reference of the CodeBuild action.
func (p *pipelineCheck) checkBuild(at string, config map[string]any, inputs []string) {
	primary := str(config, "PrimarySource")
	if (len(inputs) > 1 || primary != "") && !slices.Contains(inputs, primary) {
		p.errs = append(p.errs, errAction(at, "has PrimarySource %q: expected one of its input artifacts %v", primary, inputs))
	}
	text := str(config, "EnvironmentVariables")
	if text == "" {
		return
	}
	var variables []map[string]any
	if err := json.Unmarshal([]byte(text), &variables); err != nil {
		p.errs = append(p.errs, errAction(at, "has EnvironmentVariables that are not a JSON list of objects: %v", err))
		return
	}
	seen := map[string]bool{}
	for _, v := range variables {
		name, value := str(v, "name"), v["value"]
		_, isText := value.(string)
		if err := oneOf("type", cmp.Or(str(v, "type"), "PLAINTEXT"), []string{"PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"}); err != nil {
			p.errs = append(p.errs, errAction(at, "has the environment variable %s: %v", name, err))
		}
		if name == "" || !isText || seen[name] {
			p.errs = append(p.errs, errAction(at, "has the environment variable %q with value %v: expected a name of its own and a text", name, value))
		}
		for k := range v {
			if !slices.Contains([]string{"name", "value", "type"}, k) {
				p.errs = append(p.errs, errAction(at, "has the environment variable %s with the unknown key %s", name, k))
			}
		}
		seen[name] = true
	}
}

// addOutputs publishes what an action leaves behind.
func (p *pipelineCheck) addOutputs(at string, a map[string]any) {
	for _, out := range texts(a["outputArtifacts"]) {
		p.when(p.artifacts[out], "InvalidStructureException: Output Artifact Bundle name must be unique within the pipeline: %s of action %s is there twice", out, at)
		p.artifacts[out] = true
	}
	namespace := str(a, "namespace")
	if namespace == "" {
		return
	}
	if _, taken := p.known[namespace]; taken {
		p.errs = append(p.errs, errAction(at, "has the namespace %s, which is taken", namespace))
	}
	p.known[namespace] = actionTypes[typeOfAction(a)].exports
}

func (p *pipelineCheck) checkTriggers(c *Call, stages []map[string]any) {
	for i, t := range objects(c.Inputs, "triggers") {
		name, found := str(t, "gitConfiguration.sourceActionName"), false
		if len(stages) > 0 {
			for _, a := range objects(stages[0], "actions") {
				found = found || str(a, "name") == name && str(a, "provider") == "CodeStarSourceConnection"
			}
		}
		p.when(!found, "InvalidStructureException: %s names the source action %q, which does not exist", fmt.Sprintf("triggers[%d]", i), name)
	}
}
