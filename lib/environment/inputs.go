package environment

import (
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"delivery.internal/lib/naming"
	"delivery.internal/lib/promotion"
	"delivery.internal/lib/settings"
	"delivery.internal/lib/stackoutputs"
	"delivery.internal/lib/stackrefs"
)

// inputs are the environment and what the program takes from the stacks before
// it.
type inputs struct {
	env       promotion.Environment
	bootstrap stackrefs.Bootstrap[string]
	shared    stackrefs.Shared[string]
	targets   stackrefs.Targets[string]
}

// read finds the environment that the project is named after, and reads the
// stacks that every environment stands on.
func read(ctx *pulumi.Context) (inputs, error) {
	var in inputs
	name, err := stackrefs.EnvironmentOf(ctx.Project())
	if err != nil {
		return in, err
	}
	suffix := ctx.Stack()
	if in.bootstrap, err = stackoutputs.Read[stackrefs.Bootstrap[string]](ctx, stackrefs.BootstrapProject, suffix, "run: make bootstrap"); err != nil {
		return in, err
	}
	s := in.bootstrap.Settings
	if s.EnvironmentSuffix != suffix {
		return in, fmt.Errorf("stack %s reads the settings of %s: the stack of this project has the name of the suffix; run: pulumi stack select %s",
			suffix, s.EnvironmentSuffix, s.EnvironmentSuffix)
	}
	var ok bool
	if in.env, ok = s.Environments.Find(name); !ok {
		return in, fmt.Errorf("environment %s is not one of the installation's, which are %v: add it with: make environment NAME=%s", name, s.Environments.Names(), name)
	}
	if in.shared, err = stackoutputs.Read[stackrefs.Shared[string]](ctx, stackrefs.SharedProject, suffix, "run: make up PROJECT=shared"); err != nil {
		return in, err
	}
	remedy := "run: make up PROJECT=targets/" + string(name)
	if in.targets, err = stackoutputs.Read[stackrefs.Targets[string]](ctx, stackrefs.TargetsProject, string(name), remedy); err != nil {
		return in, err
	}
	return in, checkTargets(s, name, in.targets, remedy)
}

// checkTargets refuses the roles of another installation, or of an account
// that the settings no longer name: the stack of targets is not named after
// the suffix.
func checkTargets(s settings.Settings, env naming.Environment, t stackrefs.Targets[string], remedy string) error {
	names, target := s.Namer(env), s.Target(env)
	for _, c := range []struct{ what, got, want string }{
		{"preview role", t.PreviewRoleARN, target.Role(names.Of(naming.PreviewRole))},
		{"deploy role", t.DeployRoleARN, target.Role(names.Of(naming.DeployRole))},
		{"external id", t.ExternalID, names.Of(naming.ExternalID)},
	} {
		if c.got != c.want {
			return fmt.Errorf("stack %s of targets has %s %q: expected %q; set targets:environmentSuffix to %s there and %s",
				env, c.what, c.got, c.want, s.EnvironmentSuffix, remedy)
		}
	}
	return nil
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// image is the digest of the build image: the newest approved one, or the one
// that the environment before has taken. Without one there is nothing to
// preview.
func (in inputs) image(ctx *pulumi.Context, provider *aws.Provider) (string, error) {
	digest, source, err := in.digest(ctx, provider)
	if err != nil {
		return "", err
	}
	if digest == stackrefs.ImageUnset {
		return "", fmt.Errorf("no build image is approved yet: build one and let it be scanned; run: make image")
	}
	if !digestPattern.MatchString(digest) {
		return "", fmt.Errorf("%s holds %q: expected sha256: and 64 hexadecimal digits; build an image again; run: make image", source, digest)
	}
	return digest, nil
}

// digest returns the digest, and where it was found.
func (in inputs) digest(ctx *pulumi.Context, provider *aws.Provider) (digest, source string, err error) {
	if in.env.ImageFrom != "" {
		project := stackrefs.EnvironmentProject(in.env.ImageFrom)
		upstream, err := stackoutputs.Read[stackrefs.Environment[string]](ctx, project, ctx.Stack(), "run: make up PROJECT=environments/"+string(in.env.ImageFrom))
		return upstream.ImageDigest, "stack " + project, err
	}
	name := in.shared.ApprovedImageParameter
	parameter, err := ssm.LookupParameter(ctx, &ssm.LookupParameterArgs{Name: name}, pulumi.Provider(provider))
	if err != nil {
		return "", name, fmt.Errorf("parameter %s with the approved build image can't be read: %w; run: make up PROJECT=shared", name, err)
	}
	return parameter.Value, "parameter " + name, nil
}
