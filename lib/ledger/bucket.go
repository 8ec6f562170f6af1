// Package ledger makes the bucket of the ledger: one object per commit and
// environment that says what was deployed. The bucket's policy keeps it
// truthful: only the deploy build of an environment writes that environment's
// part, whatever other rights somebody has.
package ledger

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/bucket"
	"delivery.internal/lib/contract"
	"delivery.internal/lib/iampolicy"
	"delivery.internal/lib/naming"
)

// Args describe the ledger.
type Args struct {
	// Name and ARN are the bucket's, from lib/naming.
	Name, ARN string
	// KeyARN is the KMS key.
	KeyARN string
	// Writers are the ARNs of the roles that write, by environment.
	Writers map[naming.Environment]string
	// Operators are the ARNs that may delete records, when the platform is
	// destroyed.
	Operators []string
	// Tags are put on the bucket.
	Tags pulumi.StringMap
}

// Ledger is the ledger's bucket.
type Ledger struct {
	pulumi.ResourceState

	// Bucket is the bucket's name, ARN its ARN.
	Bucket, ARN pulumi.StringOutput
}

func (a *Args) validate(name string) error {
	if a == nil {
		return fmt.Errorf("ledger %s has no arguments", name)
	}
	var errs []error
	for _, env := range naming.Environments() {
		if a.Writers[env] == "" {
			errs = append(errs, fmt.Errorf("ledger %s has no writer for %s: set Writers", name, env))
		}
	}
	if a.KeyARN == "" || len(a.Operators) == 0 {
		errs = append(errs, fmt.Errorf("ledger %s needs KeyARN and Operators", name))
	}
	return errors.Join(errs...)
}

// New makes the ledger.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Ledger, error) {
	if err := args.validate(name); err != nil {
		return nil, err
	}
	l := &Ledger{}
	if err := ctx.RegisterComponentResource("pipeline:ledger:Ledger", name, l, opts...); err != nil {
		return nil, err
	}
	b, err := bucket.New(ctx, name, &bucket.Args{
		Name:       args.Name,
		KeyARN:     pulumi.String(args.KeyARN),
		Expire:     bucket.Lifecycle{IncompleteUploadDays: 7}, // records and their versions stay
		Statements: policy(args),
		Tags:       args.Tags,
	}, pulumi.Parent(l))
	if err != nil {
		return nil, err
	}
	l.Bucket, l.ARN = b.Name, b.ARN
	return l, ctx.RegisterResourceOutputs(l, pulumi.Map{"bucket": l.Bucket})
}

// policy refuses what would falsify the ledger. aws:PrincipalArn of a session
// is the ARN of its role.
func policy(args *Args) []iampolicy.Statement {
	var out []iampolicy.Statement
	for _, env := range naming.Environments() {
		out = append(out, iampolicy.Deny("s3:PutObject").Named("Write"+string(env)).ToEveryone().
			On(args.ARN+"/"+contract.LedgerPrefix(string(env))+"*").
			When(iampolicy.Is("StringNotEquals", "aws:PrincipalArn", args.Writers[env])))
	}
	return append(out, iampolicy.Deny("s3:DeleteObject", "s3:DeleteObjectVersion").Named("Delete").ToEveryone().
		On(args.ARN+"/*").
		When(iampolicy.Is("StringNotEquals", "aws:PrincipalArn", args.Operators...)))
}
