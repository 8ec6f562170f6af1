package services

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"delivery.internal/lib/rehearsal/cloud"
)

// credentialServer serves builds the credentials of their roles, as the
// container agent does. It is started by the first build.
type credentialServer struct {
	cloud *cloud.Cloud

	mu     sync.Mutex
	server *http.Server
	url    string
	builds map[string]*buildCredentials
}

// buildCredentials are what one build may fetch.
type buildCredentials struct {
	token   string
	session *cloud.Session
	renew   func() (*cloud.Session, error)
}

// renewBefore is how long before their end credentials are renewed.
const renewBefore = 15 * time.Minute

// add registers a build and returns the environment that leads it here.
func (s *credentialServer) add(id string, c *buildCredentials) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("the credentials of builds can't be served on this machine: %w", err)
		}
		s.url = "http://" + listener.Addr().String() + "/credentials/"
		s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
		go func(server *http.Server) { _ = server.Serve(listener) }(s.server) // ends with close
	}
	c.token = newToken(24)
	s.builds[id] = c
	return []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + s.url + id, "AWS_CONTAINER_AUTHORIZATION_TOKEN=" + c.token}, nil
}

func (s *credentialServer) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.builds, id)
}

func (s *credentialServer) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// ServeHTTP implements http.Handler.
func (s *credentialServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.builds[strings.TrimPrefix(r.URL.Path, "/credentials/")]
	if c == nil || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(c.token)) != 1 {
		http.Error(w, `{"code":"Forbidden","message":"no credentials for this token"}`, http.StatusForbidden)
		return
	}
	if c.session.Expires.Before(s.cloud.Now().Add(renewBefore)) {
		renewed, err := c.renew()
		if err != nil {
			http.Error(w, `{"code":"Forbidden","message":"the role can't be assumed any more"}`, http.StatusForbidden)
			return
		}
		c.session = renewed
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{ // a client that is gone needs nothing
		"RoleArn": c.session.Principal.PrincipalARN, "AccessKeyId": c.session.AccessKeyID, "SecretAccessKey": c.session.SecretKey,
		"Token": c.session.Token, "Expiration": c.session.Expires.UTC().Format(time.RFC3339),
	})
}
