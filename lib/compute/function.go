package compute

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lambda"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/access"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
	"delivery.internal/lib/zipfile"
)

// FunctionKinds are the kinds of what a function is made of.
type FunctionKinds struct {
	Function, Role, Policy, Logs naming.Kind
}

// FunctionArgs describe a function.
type FunctionArgs struct {
	// Names and Kinds give the physical names.
	Names naming.Namer
	Kinds FunctionKinds
	// Description says what the function does.
	Description string
	// Code is the binary.
	Code Code
	// Policy is the JSON of what the function may do, logging included; see
	// Logging.
	Policy pulumi.StringInput
	// KeyARN is the KMS key of the log group.
	KeyARN string
	// Environment are the environment variables; none may be secret.
	Environment pulumi.StringMap
	// TimeoutSeconds bounds one invocation.
	TimeoutSeconds int
	// DeadLetterARN is the queue of asynchronous events that failed for good;
	// nil for a function that is called synchronously.
	DeadLetterARN pulumi.StringPtrInput
	// Tags are put on everything.
	Tags pulumi.StringMap
}

// Function is a Lambda function.
type Function struct {
	pulumi.ResourceState

	// Name, ARN and InvokeARN are the function's.
	Name, ARN, InvokeARN pulumi.StringOutput
	// Ready are the resources that must exist before the function is invoked.
	Ready []pulumi.Resource
}

// Logging returns the statement that lets a function write to its log group,
// and no more: the group exists, so nobody needs the right to create one.
func Logging(logGroupARN string) iampolicy.Statement {
	return iampolicy.Allow("logs:CreateLogStream", "logs:PutLogEvents").Named("Logs").On(logGroupARN + ":*")
}

func (a *FunctionArgs) validate(name string) error {
	if a == nil {
		return fmt.Errorf("function %s has no arguments", name)
	}
	var errs []error
	if a.Kinds.Function == (naming.Kind{}) || a.Kinds.Logs == (naming.Kind{}) {
		errs = append(errs, fmt.Errorf("function %s lacks a name: set Names and Kinds", name))
	}
	if a.KeyARN == "" {
		errs = append(errs, fmt.Errorf("function %s has no KMS key: set KeyARN", name))
	}
	if a.TimeoutSeconds < 1 || a.TimeoutSeconds > 900 {
		errs = append(errs, fmt.Errorf("function %s has a timeout of %d seconds: Lambda accepts 1 to 900", name, a.TimeoutSeconds))
	}
	if err := a.Code.validate(); err != nil {
		errs = append(errs, fmt.Errorf("function %s: %w", name, err))
	}
	return errors.Join(errs...)
}

// NewFunction makes a function.
func NewFunction(ctx *pulumi.Context, name string, args *FunctionArgs, opts ...pulumi.ResourceOption) (*Function, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	code, err := zipfile.Pack(args.Code.Directory)
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", name, err)
	}
	f := &Function{}
	if err := ctx.RegisterComponentResource("pipeline:compute:Function", name, f, opts...); err != nil {
		return nil, err
	}
	logs, err := NewLogGroup(ctx, name+"-logs", &LogGroupArgs{
		Names: args.Names, Kind: args.Kinds.Logs, KeyARN: args.KeyARN, Tags: args.Tags,
	}, pulumi.Parent(f))
	if err != nil {
		return nil, err
	}
	role, err := access.NewServiceRole(ctx, name+"-role", &access.ServiceRoleArgs{
		Names:      args.Names,
		Role:       args.Kinds.Role,
		PolicyKind: args.Kinds.Policy,
		Service:    "lambda.amazonaws.com",
		Policy:     args.Policy,
		Tags:       args.Tags,
	}, pulumi.Parent(f))
	if err != nil {
		return nil, err
	}
	made, err := lambda.NewFunction(ctx, name, args.function(code, role, logs),
		pulumi.Parent(f), pulumi.DeleteBeforeReplace(true), pulumi.DependsOn(role.Ready))
	if err != nil {
		return nil, err
	}
	f.Name, f.ARN, f.InvokeARN = made.Name, made.Arn, made.InvokeArn
	f.Ready = append([]pulumi.Resource{made}, role.Ready...)
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{"name": f.Name, "arn": f.ARN})
}

func (a *FunctionArgs) function(code zipfile.Archive, role *access.ServiceRole, logs *cloudwatch.LogGroup) *lambda.FunctionArgs {
	out := &lambda.FunctionArgs{
		Name:          pulumi.String(a.Names.Of(a.Kinds.Function)),
		Description:   pulumi.String(a.Description),
		Role:          role.ARN,
		Runtime:       pulumi.String("provided.al2023"),
		Handler:       pulumi.String("bootstrap"),
		Architectures: pulumi.StringArray{pulumi.String(a.Code.Architecture)},
		Code:          pulumi.NewFileArchive(code.Path),
		// As Lambda itself computes it.
		SourceCodeHash: pulumi.String(base64.StdEncoding.EncodeToString(code.Digest[:])),
		MemorySize:     pulumi.Int(256),
		Timeout:        pulumi.Int(a.TimeoutSeconds),
		Environment:    lambda.FunctionEnvironmentArgs{Variables: a.Environment},
		LoggingConfig:  lambda.FunctionLoggingConfigArgs{LogFormat: pulumi.String("JSON"), LogGroup: logs.Name},
		Tags:           a.Tags,
	}
	if a.DeadLetterARN != nil {
		out.DeadLetterConfig = lambda.FunctionDeadLetterConfigArgs{TargetArn: a.DeadLetterARN.ToStringPtrOutput().Elem()}
	}
	return out
}
