package provider

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"delivery.internal/lib/aws/awsname"
	"delivery.internal/lib/aws/ssm"
	"delivery.internal/lib/aws/typetoken"
)

// ssmKinds: constraints from PutParameter and "Requirements and constraints for
// parameter names".
func ssmKinds() []Kind {
	return []Kind{{
		Token: typetoken.Parameter, Name: "name", ARN: arnOf("ssm", "parameter/"),
		Inputs: map[string]Input{
			"name":           named(awsname.Parameter).replaces(),
			"type":           text.required().enum("String", "StringList", "SecureString"),
			"value":          text.between(1, ssm.MaxAdvanced).hidden(),
			"insecureValue":  text.between(1, ssm.MaxAdvanced),
			"description":    text.between(0, 1024),
			"allowedPattern": text.between(0, 1024),
			"dataType":       text.enum("text", "aws:ssm:integration", "aws:ec2:image").computed(),
			"keyId":          text.match(`[a-zA-Z0-9:/_-]+`).between(1, 256).computed(),
			"tier":           text.enum("Standard", "Advanced", "Intelligent-Tiering").computed(),
			"overwrite":      flag,
			"arn":            text.computed(),
			"tags":           tags,
		},
		Plan: planSSMParameter,
		Replaces: func(c *Call) []string {
			if str(c.Old.Inputs, "tier") == "Advanced" && c.Str("tier") != "Advanced" {
				return []string{"tier"} // PutParameter can't go back
			}
			return nil
		},
		Computed: []string{"version"},
		Outputs:  ssmOutputs,
		Actions: Actions{
			Create: []string{"ssm:PutParameter", "ssm:GetParameter", "ssm:DescribeParameters", "ssm:ListTagsForResource"},
			Read:   []string{"ssm:GetParameter", "ssm:DescribeParameters", "ssm:ListTagsForResource"},
			Update: []string{"ssm:GetParameter", "ssm:DescribeParameters", "ssm:ListTagsForResource"},
			Delete: []string{"ssm:DeleteParameter"},
		},
	}}
}

func ssmOutputs(c *Call) (map[string]any, error) {
	out := map[string]any{"version": ssm.NextVersion(nil), "dataType": cmp.Or(c.Str("dataType"), "text"), "tier": cmp.Or(c.Str("tier"), "Standard")}
	if c.Str("insecureValue") != "" {
		out["value"] = c.Str("insecureValue")
	}
	var err error
	if c.Old != nil {
		if c.onlyTags() {
			// The value may have been written by somebody else: tags don't touch it.
			out["version"], out["value"] = c.Old.Value("version"), c.Old.Str("value")
		} else {
			out["version"] = ssm.NextVersion(c.Old.Value("version"))
			err = c.authorizeAlso(c.ARN, nil, "ssm:PutParameter")
		}
	}
	if c.Str("type") == "SecureString" {
		err = errors.Join(err, c.useKey("keyId", c.Str("keyId"), "ssm", "kms:Encrypt", "kms:Decrypt"))
	}
	return out, errors.Join(err, c.authorizeTags("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"))
}

func planSSMParameter(c *Call) error {
	f := &failed{}
	if err := awsname.CheckParameter(c.Str("name")); err != nil {
		f.add("name: %w", err)
	}
	f.atMostOne(c, "value", "insecureValue")
	f.when(!c.isGiven("value") && !c.isGiven("insecureValue"), "value is not set")
	secure := c.Str("type") == "SecureString"
	f.when(secure && c.isGiven("insecureValue"), "insecureValue does not go with SecureString: use value")
	f.when(!secure && c.isGiven("keyId") && c.Str("type") != "", "keyId belongs to SecureString")
	f.when(c.Str("dataType") == "aws:ec2:image" && c.Str("type") != "String", "dataType aws:ec2:image needs type String")
	planSSMValue(f, c, cmp.Or(c.Str("value"), c.Str("insecureValue")))
	return f.err()
}

func planSSMValue(f *failed, c *Call, value string) {
	tier := c.Str("tier")
	f.when(len(value) > ssm.MaxStandard && (tier == "" || tier == "Standard"), "value has %d bytes: a Standard parameter holds %d; set tier to Advanced", len(value), ssm.MaxStandard)
	f.when(strings.Contains(value, "{{"), "value holds {{: parameters can't be referenced or nested in a value")
	if pattern := c.Str("allowedPattern"); pattern != "" {
		// Where Go does not know AWS's dialect (look-around), the value goes unchecked.
		re, err := regexp.Compile(pattern)
		f.when(err == nil && value != "" && !re.MatchString(value), "value does not match allowedPattern %s", pattern)
	}
}
