package buildimage

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sqs"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/compute"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/eventing"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/stackrefs"
)

// GateArgs describe the scan gate.
type GateArgs struct {
	// Names and Scope give every name and ARN.
	Names naming.Namer
	Scope naming.Scope
	// KeyARN is the KMS key of the log group.
	KeyARN string
	// Code is the gate's binary.
	Code compute.Code
	// BlockSeverity is the lowest severity that refuses an image.
	BlockSeverity string
	// AlarmTopicARN is where people hear of events that reached nobody.
	AlarmTopicARN pulumi.StringInput
	// Accepted are the findings that don't refuse an image.
	Accepted []contract.AcceptedFinding
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Gate is the scan gate.
type Gate struct {
	pulumi.ResourceState

	// Parameter is the name of the SSM parameter that holds the digest of the
	// newest approved image, or stackrefs.ImageUnset.
	Parameter pulumi.StringOutput
}

func (a *GateArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("scan gate %s has no arguments", name)
	}
	var errs []error
	if a.KeyARN == "" {
		errs = append(errs, fmt.Errorf("scan gate %s has no KMS key: set KeyARN", name))
	}
	if _, err := a.accepted(); err != nil {
		errs = append(errs, fmt.Errorf("scan gate %s: %w", name, err))
	}
	if a.BlockSeverity == "" {
		errs = append(errs, fmt.Errorf("scan gate %s blocks nothing: set BlockSeverity", name))
	}
	return errors.Join(errs...)
}

// NewGate makes the scan gate. The event of a finished scan is on the default
// bus: AWS services can't put events anywhere else.
func NewGate(ctx *pulumi.Context, name string, args *GateArgs, opts ...pulumi.ResourceOption) (*Gate, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	g := &Gate{}
	if err := ctx.RegisterComponentResource("pipeline:buildimage:Gate", name, g, opts...); err != nil {
		return nil, err
	}
	fixed := []pulumi.ResourceOption{pulumi.Parent(g), pulumi.DeleteBeforeReplace(true)}
	parameters, err := args.parameters(ctx, name, fixed)
	if err != nil {
		return nil, err
	}
	queue, err := args.deadLetters(ctx, name, g)
	if err != nil {
		return nil, err
	}
	policy, err := gatePolicy(args)
	if err != nil {
		return nil, fmt.Errorf("scan gate %s: %w", name, err)
	}
	f, err := compute.NewFunction(ctx, name, &compute.FunctionArgs{
		Names:       args.Names,
		Kinds:       compute.FunctionKinds{Function: naming.ScanGateFunction, Role: naming.ScanGateRole, Policy: naming.ScanGatePolicy, Logs: naming.ScanGateLogs},
		Description: "Approves build images whose scan found nothing that blocks",
		Code:        args.Code,
		Policy:      pulumi.String(policy),
		KeyARN:      args.KeyARN,
		Environment: pulumi.StringMap{
			contract.EnvImageRepository: pulumi.String(args.Names.Of(naming.ImageRepository)),
			contract.EnvParameter:       parameters.approved.Name,
			contract.EnvVerdict:         parameters.verdict.Name,
			contract.EnvAccepted:        parameters.accepted.Name,
			contract.EnvBlockSeverity:   pulumi.String(args.BlockSeverity),
		},
		TimeoutSeconds: 30,
		DeadLetterARN:  queue.Arn.ToStringPtrOutput(),
		Tags:           args.Tags,
	}, pulumi.Parent(g))
	if err != nil {
		return nil, err
	}
	if err := eventing.Subscribe(ctx, name+"-rule", args.subscription(f, queue), g); err != nil {
		return nil, err
	}
	g.Parameter = parameters.approved.Name
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{"parameter": g.Parameter})
}

// parameters are what the gate is told and what it says.
type parameters struct{ accepted, approved, verdict *ssm.Parameter }

// parameters makes them. The accepted findings are not a variable of the function:
// all of those together hold 4 KB.
func (a *GateArgs) parameters(ctx *pulumi.Context, name string, opts []pulumi.ResourceOption) (out parameters, err error) {
	accepted, err := a.accepted()
	if err != nil {
		return out, err
	}
	written := append(slices.Clone(opts), pulumi.IgnoreChanges([]string{"value"})) // by the gate
	for _, p := range []struct {
		into               **ssm.Parameter
		suffix             string
		kind               naming.Kind
		value, description string
		opts               []pulumi.ResourceOption
	}{
		{&out.accepted, "accepted", naming.AcceptedFindings, accepted, "Findings that don't keep a build image from being approved, from shared:acceptedFindings", opts},
		{&out.approved, "approved", naming.ApprovedImage, stackrefs.ImageUnset, "Digest of the newest build image that the scan gate approved", written},
		{&out.verdict, "verdict", naming.ImageVerdict, stackrefs.ImageUnset, "What the scan gate said of a build image last", written},
	} {
		if *p.into, err = ssm.NewParameter(ctx, name+"-"+p.suffix, &ssm.ParameterArgs{
			Name:        pulumi.String(a.Names.Of(p.kind)),
			Type:        pulumi.String("String"),
			Value:       pulumi.String(p.value),
			Description: pulumi.String(p.description),
			Tags:        a.Tags,
		}, p.opts...); err != nil {
			return out, err
		}
	}
	return out, nil
}

// accepted renders the accepted findings, which fit into one parameter.
func (a *GateArgs) accepted() (string, error) {
	if len(a.Accepted) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(a.Accepted)
	if err != nil {
		return "", err
	}
	if len(text) > contract.ParameterBytes {
		return "", fmt.Errorf("the %d accepted findings have %d bytes, expected at most %d: remove those that have run out, and shorten the reasons", len(a.Accepted), len(text), contract.ParameterBytes)
	}
	return string(text), nil
}

// deadLetters makes the queue of events that reached nobody, or that the
// function failed on for good.
func (a *GateArgs) deadLetters(ctx *pulumi.Context, name string, parent pulumi.Resource) (*sqs.Queue, error) {
	return eventing.NewDeadLetterQueue(ctx, name+"-dead-letter", &eventing.DeadLetterQueueArgs{
		Names:    a.Names,
		Scope:    a.Scope,
		Queue:    naming.ScanGateDeadLetter,
		Alarm:    naming.ScanGateAlarm,
		Rules:    []string{a.Scope.Rule(a.Names.Of(naming.ScanGateRule))},
		TopicARN: a.AlarmTopicARN,
		Tags:     a.Tags,
	}, parent)
}

// subscription sends to the function the end of this repository's scans, which
// ECR's basic scanning and Inspector's enhanced scanning tell differently (the
// latter names the repository by its ARN), and the requests of operators. See
// docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html and
// docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html.
func (a *GateArgs) subscription(f *compute.Function, queue *sqs.Queue) eventing.Subscription {
	repository := a.Names.Of(naming.ImageRepository)
	return eventing.Subscription{
		Names: a.Names, Kind: naming.ScanGateRule,
		Description: "A scan of the build image has ended, or its verdict is asked for",
		Pattern: eventing.Pattern{
			Source:     []string{"aws.ecr", "aws.inspector2", contract.ImageSource},
			DetailType: []string{"ECR Image Scan", "Inspector2 Scan", contract.VerdictDetailType},
			Detail:     map[string][]string{"repository-name": {repository, a.Scope.Repository(repository)}},
		},
		Target:        eventing.Target{ID: "scan-gate", ARN: f.ARN, Function: f.Name, Statement: "scan-gate-rule"},
		DeadLetterARN: queue.Arn, Tags: a.Tags,
	}
}
