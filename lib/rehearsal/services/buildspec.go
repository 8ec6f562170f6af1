package services

import (
	"errors"

	"delivery.internal/lib/aws/buildspec"
)

// parseBuildspec reads a buildspec and refuses what CodeBuild would refuse, or
// what is not emulated: a build that leaves out what it was told to do would
// pass here and fail on AWS.
func parseBuildspec(text string) (buildspec.Spec, error) {
	s, err := buildspec.Parse(text)
	if err != nil {
		return s, fail("YAML_FILE_ERROR", "%v", err)
	}
	return s, emulated(s)
}

func emulated(s buildspec.Spec) error {
	var errs []error
	unless := func(what string, ok bool) {
		if !ok {
			errs = append(errs, fail("NotPlayed", "%s of a buildspec is not played by the local cloud", what))
		}
	}
	unless("version 0.1", s.Version == "0.2")
	unless("run-as", s.RunAs == "")
	unless("env.shell other than bash", s.Env.Shell == "" || s.Env.Shell == "bash")
	unless("env.parameter-store", len(s.Env.ParameterStore) == 0)
	unless("env.secrets-manager", len(s.Env.Secrets) == 0)
	unless("env.git-credential-helper", s.Env.GitHelper == "" || s.Env.GitHelper == "no")
	unless("reports", len(s.Reports) == 0)
	unless("cache", len(s.Cache) == 0)
	unless("proxy", len(s.Proxy) == 0)
	unless("batch", len(s.Batch) == 0)
	for name, p := range s.Phases {
		unless("run-as of the phase "+name, p.RunAs == "")
		unless("runtime-versions of the phase "+name, len(p.Runtimes) == 0)
		unless("on-failure "+p.OnFailure, p.OnFailure == "" || p.OnFailure == "ABORT" || p.OnFailure == "CONTINUE")
	}
	if a := s.Artifacts; a != nil {
		unless("artifacts.secondary-artifacts", len(a.Secondary) == 0)
		unless("artifacts.name", a.Name == "")
		unless("artifacts.s3-prefix", a.Prefix == "")
	}
	return errors.Join(errs...)
}
