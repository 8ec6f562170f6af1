package services

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"delivery.internal/lib/aws/ecrimage"
	"delivery.internal/lib/rehearsal/cloud"
)

// docker plays the docker and aws commands of one build of a privileged
// project: what they would ask of registries, with the rights of the build.
// No image is built, and no command of a Dockerfile runs. A command or option
// that is not played fails.
type docker struct {
	b        *build
	listener net.Listener

	mu       sync.Mutex
	token    string            // of the registry; empty until the build asks for it
	loggedIn bool              // to the registry
	pulled   map[string]string // digest by reference
	built    map[string]cloud.PushedImage
}

// standIn hands a command over to the local cloud, and prints its answer.
const standIn = `#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/%[1]d || exit 125
{
  printf '%%s\0' "${0##*/}" "$PWD" "${BUILDX_NO_DEFAULT_ATTESTATIONS-}" "$#" "$@"
  if [[ " $* " == *" --password-stdin "* ]]; then cat; fi
  printf '\0'
} >&3
IFS= read -r -d '' out <&3
IFS= read -r -d '' err <&3
IFS= read -r -d '' code <&3
printf %%s "$out"
printf %%s "$err" >&2
exit "${code:-125}"
`

// openDocker puts the stand-ins into a folder, the first of the build's PATH.
func (b *build) openDocker() (folder string, err error) {
	d := &docker{b: b, pulled: map[string]string{}, built: map[string]cloud.PushedImage{}}
	if d.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return "", err
	}
	b.stops = append(b.stops, func() { _ = d.listener.Close() })
	folder = filepath.Join(b.dir, "docker")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	script := fmt.Sprintf(standIn, d.listener.Addr().(*net.TCPAddr).Port)
	for _, name := range []string{"docker", "aws"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o755); err != nil {
			return "", err
		}
	}
	go d.serve() // until the listener is closed
	return folder, nil
}

// serve answers the commands. Those of a pipeline are there at once, and one
// of them may wait for what another prints.
func (d *docker) serve() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			d.answer(c)
		}()
	}
}

// command is a call of docker or aws.
type command struct {
	program, dir, noAttestations string
	args                         []string
	input                        string
}

func (d *docker) answer(c io.ReadWriter) {
	in, err := readCommand(bufio.NewReader(c))
	if err != nil {
		return // the build was killed
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	out, err := d.run(in)
	code, text := 0, ""
	if err != nil {
		code, text = 1, err.Error()+"\n"
	}
	fmt.Fprintf(c, "%s\x00%s\x00%d\x00", out, text, code)
}

func readCommand(r *bufio.Reader) (command, error) {
	var failed error
	next := func() string {
		text, err := r.ReadString(0)
		failed = errors.Join(failed, err)
		return strings.TrimSuffix(text, "\x00")
	}
	in := command{program: next(), dir: next(), noAttestations: next()}
	n, err := strconv.Atoi(next())
	for range n {
		in.args = append(in.args, next())
	}
	in.input = next()
	return in, errors.Join(failed, err)
}

func (d *docker) run(in command) (string, error) {
	words := append([]string{in.program}, in.args...)
	for prefix, play := range map[string]func(command, *flags) (string, error){
		"docker login": d.login, "docker pull": d.pull, "docker image inspect": d.inspect,
		"docker build": d.build, "docker buildx build": d.build, "docker push": d.push,
		"aws ecr get-login-password": d.loginPassword, "aws ecr describe-images": d.describe,
	} {
		n := len(strings.Fields(prefix))
		if len(words) < n || strings.Join(words[:n], " ") != prefix {
			continue
		}
		f, err := parseFlags(words[n:])
		if err != nil {
			return "", err
		}
		out, err := play(in, f)
		return out, errors.Join(err, f.unread())
	}
	return "", fmt.Errorf("the local cloud does not play: %s", strings.Join(words, " "))
}

// flags are the options of a command and its other arguments.
type flags struct {
	values map[string][]string
	rest   []string
}

// bare are options without a value; the value of any other follows it.
var bare = []string{"--password-stdin", "--quiet", "-q", "--load", "--push", "--pull"}

func parseFlags(args []string) (*flags, error) {
	f := &flags{values: map[string][]string{}}
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(args[i], "=")
		switch {
		case !strings.HasPrefix(name, "-"):
			f.rest = append(f.rest, args[i])
			continue
		case given:
		case slices.Contains(bare, name):
			value = "true"
		case i+1 == len(args):
			return nil, fmt.Errorf("flag needs an argument: %s", name)
		default:
			i++
			value = args[i]
		}
		f.values[name] = append(f.values[name], value)
	}
	return f, nil
}

// take reads an option; what nobody takes is not played.
func (f *flags) take(names ...string) (values []string) {
	for _, n := range names {
		values = append(values, f.values[n]...)
		delete(f.values, n)
	}
	return values
}

func (f *flags) one(names ...string) string {
	if v := f.take(names...); len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (f *flags) unread() error {
	for name := range f.values {
		return fmt.Errorf("the local cloud does not play the option %s", name)
	}
	return nil
}

// registry is the host of the account's private registry.
func (d *docker) registry() string {
	return ecrimage.Registry(d.b.Account, cloud.Region)
}

// may asks for an action of ECR with the rights of the build.
func (d *docker) may(action, resource string) error {
	return d.b.emulator.cloud.Authorize(cloud.Call{Session: d.b.session, Action: action, Resource: resource})
}

func (d *docker) loginPassword(command, *flags) (string, error) {
	if err := d.may("ecr:GetAuthorizationToken", "*"); err != nil {
		//lint:ignore ST1005 the AWS CLI's words
		return "", fmt.Errorf("An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation: %w", err)
	}
	d.token = newID()
	return d.token + "\n", nil
}

func (d *docker) login(in command, f *flags) (string, error) {
	user, _ := f.one("--username", "-u"), f.one("--password-stdin")
	if user != "AWS" || d.token == "" || strings.TrimSpace(in.input) != d.token || len(f.rest) != 1 || f.rest[0] != d.registry() {
		return "", errors.New("Error response from daemon: login attempt failed with status: 400 Bad Request")
	}
	d.loggedIn = true
	return "Login Succeeded\n", nil
}

func (d *docker) pull(_ command, f *flags) (string, error) {
	f.take("--quiet", "-q")
	if len(f.rest) != 1 {
		return "", errors.New("docker: 'docker pull' requires 1 argument")
	}
	_, err := d.fetch(f.rest[0])
	return f.rest[0] + "\n", err
}

// registryHost is the registry of a reference; without one it is Docker Hub.
var registryHost = regexp.MustCompile(`^([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|localhost)/`)

// fetch gets a public image and returns its reference by digest. The digest is
// the local cloud's: it stands for content that is not here. Docker Hub limits
// anonymous pulls by address, and CodeBuild's are shared: the local cloud's has
// always been used up. See docs.docker.com/docker-hub/usage/pulls.
func (d *docker) fetch(reference string) (string, error) {
	m := registryHost.FindStringSubmatch(reference)
	switch {
	case m == nil || m[1] == "docker.io":
		return "", fmt.Errorf("toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit: %s", reference)
	case m[1] != "public.ecr.aws":
		return "", fmt.Errorf("the local cloud does not play the registry %s", m[1])
	}
	if name, digest, ok := strings.Cut(reference, "@"); ok {
		if !slices.Contains(mapValues(d.pulled), reference) {
			return "", fmt.Errorf("%s: failed to resolve source metadata for %s: %s: not found", digest, name, reference)
		}
		return reference, nil
	}
	if !strings.Contains(reference[len(m[0]):], ":") {
		reference += ":latest"
	}
	name := reference[:strings.LastIndex(reference, ":")]
	d.pulled[reference] = name + "@" + digestOf("a public image of the local cloud: "+reference)
	return d.pulled[reference], nil
}

func mapValues(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (d *docker) inspect(_ command, f *flags) (string, error) {
	if format := f.one("--format", "-f"); format != "{{index .RepoDigests 0}}" {
		return "", fmt.Errorf("the local cloud does not play the format %q", format)
	}
	if len(f.rest) != 1 || d.pulled[f.rest[0]] == "" {
		return "", fmt.Errorf("Error response from daemon: No such image: %s", strings.Join(f.rest, " "))
	}
	return d.pulled[f.rest[0]] + "\n", nil
}

// build reads the Dockerfile and checks what the build takes from outside.
//
// With Docker 29 what buildx makes is an index of the image and its
// attestations unless provenance is switched off, and the same for an SBOM
// that is asked for: docs.docker.com/build/metadata/attestations.
func (d *docker) build(in command, f *flags) (string, error) {
	f.take("--load", "--progress", "--platform", "--pull")
	if len(f.take("--push")) > 0 {
		return "", errors.New("the local cloud does not play --push: push in a command of its own")
	}
	tag := f.one("--tag", "-t")
	labels, err := pairs(f.take("--label"))
	if err != nil {
		return "", err
	}
	args, err := pairs(f.take("--build-arg"))
	if err != nil {
		return "", err
	}
	provenance, sbom := f.one("--provenance"), f.one("--sbom")
	if len(f.rest) != 1 {
		return "", errors.New("docker: 'docker buildx build' requires 1 argument")
	}
	bases, err := d.dockerfile(filepath.Join(in.dir, f.rest[0]), args)
	if err != nil {
		return "", fmt.Errorf("ERROR: failed to build: %w", err)
	}
	made := cloud.PushedImage{Digest: digestOf("an image of the local cloud: " + d.b.ID + tag)}
	attested := provenance != "false" && (provenance != "" || in.noAttestations != "1") || sbom != "" && sbom != "false"
	if attested {
		made.MediaType = cloud.IndexType
	}
	d.built[tag] = made
	d.b.emulator.note("image", d.b.Project, map[string]any{"build": d.b.ID, "digest": made.Digest, "tag": tag, "bases": bases, "labels": labels, "index": attested},
		"docker build %s on %s (not built: the local cloud has no docker)", tag, strings.Join(bases, ", "))
	return "", nil
}

func pairs(values []string) (map[string]string, error) {
	out := map[string]string{}
	for _, v := range values {
		key, value, ok := strings.Cut(v, "=")
		if !ok {
			return nil, fmt.Errorf("the local cloud does not play a value from the environment: %s", v)
		}
		out[key] = value
	}
	return out, nil
}

func (d *docker) push(_ command, f *flags) (string, error) {
	f.take("--quiet", "-q")
	if len(f.rest) != 1 {
		return "", errors.New("docker: 'docker push' requires 1 argument")
	}
	made, ok := d.built[f.rest[0]]
	name, tag, tagged := strings.Cut(f.rest[0], ":")
	repository, ours := strings.CutPrefix(name, d.registry()+"/")
	switch {
	case !ok || !tagged:
		//lint:ignore ST1005 docker's words
		return "", fmt.Errorf("An image does not exist locally with the tag: %s", name)
	case !ours || !d.loggedIn:
		return "", errors.New("no basic auth credentials")
	}
	// See "IAM permissions for pushing an image to an Amazon ECR private repository".
	for _, action := range []string{"ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:BatchGetImage", "ecr:PutImage"} {
		if err := d.may(action, cloud.ARN("ecr", d.b.Account, "repository/"+repository)); err != nil {
			return "", fmt.Errorf("denied: %w", err)
		}
	}
	made.Tag = tag
	if err := d.b.emulator.Registry.PushImage(d.b.Account, repository, made); err != nil {
		return "", err
	}
	return tag + ": digest: " + made.Digest + "\n", nil
}

// query is the part of the CLI's --query that is played: one or more fields of
// the only image.
var query = regexp.MustCompile(`^imageDetails\[0\]\.(?:(\w+)|\[([\w, ]+)\])$`)

func (d *docker) describe(_ command, f *flags) (string, error) {
	repository, id := f.one("--repository-name"), f.one("--image-ids")
	tag, byTag := strings.CutPrefix(id, "imageTag=")
	fields, output := f.one("--query"), f.one("--output")
	if !byTag || fields != "" && (output != "text" || !query.MatchString(fields)) {
		return "", fmt.Errorf("the local cloud does not play: aws ecr describe-images --image-ids %s --query %s --output %s", id, fields, output)
	}
	const failed = "An error occurred (%s) when calling the DescribeImages operation: %s"
	if err := d.may("ecr:DescribeImages", cloud.ARN("ecr", d.b.Account, "repository/"+repository)); err != nil {
		//lint:ignore ST1005 the AWS CLI's words
		return "", fmt.Errorf(failed, "AccessDeniedException", err)
	}
	found := d.b.emulator.cloud.FindImage(d.b.Account, repository, tag)
	if found == nil {
		//lint:ignore ST1005 the AWS CLI's words
		return "", fmt.Errorf(failed, "ImageNotFoundException", "The image with imageId {imageDigest:'null', imageTag:'"+tag+"'} does not exist")
	}
	known := map[string]string{"imageDigest": found.Str("imageDigest"), "imageManifestMediaType": found.Str("imageManifestMediaType")}
	m := append(query.FindStringSubmatch(fields), "", "", "")
	var values []string
	for _, name := range strings.FieldsFunc(m[1]+m[2], func(r rune) bool { return r == ',' || r == ' ' }) {
		if known[name] == "" {
			return "", fmt.Errorf("the local cloud does not play the field %s", name)
		}
		values = append(values, known[name])
	}
	return strings.Join(values, "\t") + "\n", nil
}

// dockerfile reads a Dockerfile as far as it takes from outside: its bases,
// which are pulled, and the files that it copies. See
// docs.docker.com/reference/dockerfile.
func (d *docker) dockerfile(dir string, args map[string]string) (bases []string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		return nil, errors.New("failed to read dockerfile: open Dockerfile: no such file or directory")
	}
	values, stages := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "ARG":
			// Only those before the first FROM are there for FROM.
			if name, value, _ := strings.Cut(words[1], "="); len(bases) == 0 {
				values[name] = value
				if given, ok := args[name]; ok {
					values[name] = given
				}
			}
		case "FROM":
			base := os.Expand(words[1], func(name string) string { return values[name] })
			if base == "" {
				return nil, fmt.Errorf("dockerfile parse error: base name (%s) should not be blank", words[1])
			}
			if len(words) == 4 {
				stages[words[3]] = true
			}
			if stages[base] {
				continue
			}
			if base, err = d.fetch(base); err != nil {
				return nil, err
			}
			bases = append(bases, base)
		case "COPY":
			if err := copied(dir, words[1:]); err != nil {
				return nil, err
			}
		}
	}
	if len(bases) == 0 {
		return nil, errors.New("dockerfile parse error: file with no instructions")
	}
	return bases, nil
}

// copied says whether the files of a COPY are in the build's context.
func copied(dir string, words []string) error {
	for _, w := range words {
		if strings.HasPrefix(w, "--from=") {
			return nil
		}
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.HasPrefix(w, "--") })
	for _, source := range words[:max(len(words)-1, 0)] {
		if _, err := os.Stat(filepath.Join(dir, source)); err != nil {
			return fmt.Errorf("failed to calculate checksum of ref: %q: not found", "/"+source)
		}
	}
	return nil
}
