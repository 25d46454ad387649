package echod

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/ringport/ringport/internal/size"
)

// The fields of Kubernetes' objects that kubernetes.yaml has. Another one, or one that is misspelled, fails the tests.
type (
	metadata struct {
		Name                string
		Labels, Annotations map[string]string
	}
	head struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   metadata
	}
	labelSelector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	deployment struct {
		head `yaml:",inline"`
		Spec struct {
			Replicas int
			Selector labelSelector
			Strategy struct {
				RollingUpdate struct {
					MaxUnavailable int `yaml:"maxUnavailable"`
					MaxSurge       int `yaml:"maxSurge"`
				} `yaml:"rollingUpdate"`
			}
			Template struct {
				Metadata metadata
				Spec     pod
			}
		}
	}
	pod struct {
		AutomountServiceAccountToken  bool  `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            *bool `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int   `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool `yaml:"runAsNonRoot"`
			RunAsUser      int  `yaml:"runAsUser"`
			RunAsGroup     int  `yaml:"runAsGroup"`
			SeccompProfile struct {
				Type             string
				LocalhostProfile string `yaml:"localhostProfile"`
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		TopologySpreadConstraints []struct {
			MaxSkew           int           `yaml:"maxSkew"`
			TopologyKey       string        `yaml:"topologyKey"`
			WhenUnsatisfiable string        `yaml:"whenUnsatisfiable"`
			LabelSelector     labelSelector `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
		Containers []container
	}
	container struct {
		Name, Image     string
		ImagePullPolicy string `yaml:"imagePullPolicy"`
		Args            []string
		Env             []struct{ Name, Value string }
		Ports           []struct {
			Name          string
			ContainerPort int `yaml:"containerPort"`
		}
		StartupProbe   probe `yaml:"startupProbe"`
		LivenessProbe  probe `yaml:"livenessProbe"`
		ReadinessProbe probe `yaml:"readinessProbe"`
		Lifecycle      struct {
			PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
		}
		SecurityContext struct {
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct{ Drop []string }
		} `yaml:"securityContext"`
		Resources struct {
			Requests, Limits struct{ CPU, Memory string }
		}
	}
	probe struct {
		HTTPGet   struct{ Path, Port string } `yaml:"httpGet"`
		Period    int                         `yaml:"periodSeconds"`
		Timeout   int                         `yaml:"timeoutSeconds"`
		Threshold int                         `yaml:"failureThreshold"`
	}
	clusterService struct {
		head `yaml:",inline"`
		Spec struct {
			Selector map[string]string
			Ports    []struct {
				Name, Protocol string
				Port           int
				TargetPort     string `yaml:"targetPort"`
			}
		}
	}
	disruptionBudget struct {
		head `yaml:",inline"`
		Spec struct {
			MinAvailable int `yaml:"minAvailable"`
			Selector     labelSelector
		}
	}
	autoscaler struct {
		head `yaml:",inline"`
		Spec struct {
			ScaleTargetRef struct {
				APIVersion string `yaml:"apiVersion"`
				Kind, Name string
			} `yaml:"scaleTargetRef"`
			MinReplicas int `yaml:"minReplicas"`
			MaxReplicas int `yaml:"maxReplicas"`
			Metrics     []struct {
				Type     string
				Resource struct {
					Name   string
					Target struct {
						Type               string
						AverageUtilization int `yaml:"averageUtilization"`
					}
				}
			}
		}
	}
)

// cluster is the objects of kubernetes.yaml.
type cluster struct {
	deployment deployment
	service    clusterService
	budget     disruptionBudget
	scaler     autoscaler
}

// readCluster reads kubernetes.yaml, which has each of the objects once and no others.
func readCluster(t *testing.T) (c cluster) {
	t.Helper()
	objects := map[string]any{"apps/v1 Deployment": &c.deployment, "v1 Service": &c.service,
		"policy/v1 PodDisruptionBudget": &c.budget, "autoscaling/v2 HorizontalPodAutoscaler": &c.scaler}
	for _, text := range strings.Split(deployed(t, "kubernetes.yaml"), "\n---\n") {
		var h head
		require.NoError(t, yaml.Unmarshal([]byte(text), &h))
		kind := h.APIVersion + " " + h.Kind
		require.Contains(t, objects, kind)
		readStrictly(t, text, objects[kind])
		delete(objects, kind)
	}
	require.Empty(t, objects, "not in the file")
	return c
}

// readStrictly reads a document of YAML, all of whose fields are known.
func readStrictly(t *testing.T, text string, into any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(into))
}

// only is the one container of a pod.
func (c *cluster) only(t *testing.T) container {
	t.Helper()
	require.Len(t, c.deployment.Spec.Template.Spec.Containers, 1)
	return c.deployment.Spec.Template.Spec.Containers[0]
}

// port is the number of a port that the container names.
func (c *container) port(t *testing.T, name string) int {
	t.Helper()
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	require.Failf(t, "no such port", "%s is none of %v", name, c.Ports)
	return 0
}

// bytesOf reads a quantity of memory of a container engine, whose units have several spellings.
func bytesOf(t *testing.T, quantity string) int {
	t.Helper()
	var s size.Size
	require.NoError(t, s.UnmarshalText([]byte(strings.TrimSuffix(quantity, "i"))))
	return int(s)
}

// imageSetting is what the Dockerfile says in an instruction that it has once.
func imageSetting(t *testing.T, instruction string) string {
	t.Helper()
	var values []string
	for line := range strings.Lines(deployed(t, "../Dockerfile")) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), instruction); ok {
			values = append(values, strings.TrimSpace(value))
		}
	}
	require.Len(t, values, 1, instruction)
	return values[0]
}

func TestPodsMayNothingButServe(t *testing.T) {
	c := readCluster(t)
	pod, only := c.deployment.Spec.Template.Spec, c.only(t)
	require.True(t, pod.SecurityContext.RunAsNonRoot)
	require.Equal(t, imageSetting(t, "USER "),
		strconv.Itoa(pod.SecurityContext.RunAsUser)+":"+strconv.Itoa(pod.SecurityContext.RunAsGroup))
	require.Equal(t, "Localhost", pod.SecurityContext.SeccompProfile.Type)
	require.Contains(t, deployed(t, "README.md"),
		"`/var/lib/kubelet/seccomp/"+pod.SecurityContext.SeccompProfile.LocalhostProfile+"`")
	require.False(t, pod.AutomountServiceAccountToken)
	require.Equal(t, new(false), only.SecurityContext.AllowPrivilegeEscalation)
	require.True(t, only.SecurityContext.ReadOnlyRootFilesystem)
	require.Equal(t, []string{"ALL"}, only.SecurityContext.Capabilities.Drop)
}

func TestNoServiceOfAClusterIsTakenForASetting(t *testing.T) {
	c := readCluster(t)
	require.Equal(t, new(false), c.deployment.Spec.Template.Spec.EnableServiceLinks, "it would set ECHOD_SERVICE_HOST")
}

func TestPodsGetArgumentsThatEchodTakes(t *testing.T) {
	c := readCluster(t)
	only := c.only(t)
	env := map[string]string{"ECHOD_LISTEN": imageSetting(t, "ECHOD_LISTEN=")}
	o := runWith(env, append(slices.Clone(only.Args), "--check-config")...)
	require.Equal(t, exitDone, o.status, o.stderr)
	require.True(t, strings.HasSuffix(env["ECHOD_LISTEN"], ":"+strconv.Itoa(only.port(t, "echo"))))
	require.True(t, strings.HasSuffix(parsed(t, only.Args...).Admin.Admin, ":"+strconv.Itoa(only.port(t, "admin"))))
}

func TestProbesAskPagesThatAreThere(t *testing.T) {
	c := readCluster(t)
	only, site := c.only(t), start(t, "--admin=127.0.0.1:0").adminSite()
	for path, p := range map[string]probe{
		"/livez": only.LivenessProbe, "/readyz": only.ReadinessProbe, only.StartupProbe.HTTPGet.Path: only.StartupProbe,
	} {
		require.Equal(t, path, p.HTTPGet.Path)
		require.Equal(t, only.port(t, "admin"), only.port(t, p.HTTPGet.Port))
		status, _ := site.get(path)
		require.Equal(t, http.StatusOK, status, path)
		require.Positive(t, p.Period, path)
	}
	require.Equal(t, strconv.Itoa(only.port(t, "admin")),
		c.deployment.Spec.Template.Metadata.Annotations["prometheus.io/port"])
}

func TestPodsHaveTheTimeToDrain(t *testing.T) {
	c := readCluster(t)
	only := c.only(t)
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	wait := seconds(only.Lifecycle.PreStop.Sleep.Seconds)
	require.Greater(t, wait, seconds(only.ReadinessProbe.Period*only.ReadinessProbe.Threshold),
		"first it is out of the service")
	require.Greater(t, seconds(c.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds),
		wait+parsed(t, only.Args...).Timeouts.DrainTimeout)
}

func TestTheHeapOfAPodStaysBelowItsLimit(t *testing.T) {
	c := readCluster(t)
	only := c.only(t)
	require.Len(t, only.Env, 1)
	require.Equal(t, "GOMEMLIMIT", only.Env[0].Name)
	require.Less(t, bytesOf(t, only.Env[0].Value), bytesOf(t, only.Resources.Limits.Memory))
	require.LessOrEqual(t, bytesOf(t, only.Resources.Requests.Memory), bytesOf(t, only.Resources.Limits.Memory))
}

func TestAPodMayHaveTheMemoryThatItsArgumentsTake(t *testing.T) {
	c := readCluster(t)
	only := c.only(t)
	require.Less(t, mostMemory(t, parsed(t, only.Args...)), bytesOf(t, only.Resources.Limits.Memory))
}

func TestTheSelectorsFindThePods(t *testing.T) {
	c := readCluster(t)
	pods := c.deployment.Spec.Template.Metadata.Labels
	require.NotEmpty(t, pods)
	require.Equal(t, pods, c.deployment.Spec.Selector.MatchLabels)
	require.Equal(t, pods, c.service.Spec.Selector)
	require.Equal(t, pods, c.budget.Spec.Selector.MatchLabels)
	for _, spread := range c.deployment.Spec.Template.Spec.TopologySpreadConstraints {
		require.Equal(t, pods, spread.LabelSelector.MatchLabels)
	}
}

func TestTheServiceLeadsToWhereEchodListens(t *testing.T) {
	c := readCluster(t)
	only := c.only(t)
	require.Len(t, c.service.Spec.Ports, 1)
	port := c.service.Spec.Ports[0]
	require.Equal(t, "TCP", port.Protocol)
	require.Equal(t, "echo", port.TargetPort)
	require.Equal(t, port.Port, only.port(t, port.TargetPort))
}

func TestReplicasComeAndGoOneByOne(t *testing.T) {
	c := readCluster(t)
	scaler, target := c.scaler.Spec, c.scaler.Spec.ScaleTargetRef
	require.Equal(t, [3]string{c.deployment.APIVersion, c.deployment.Kind, c.deployment.Metadata.Name},
		[3]string{target.APIVersion, target.Kind, target.Name})
	require.Equal(t, c.deployment.Spec.Replicas, scaler.MinReplicas)
	require.Greater(t, scaler.MaxReplicas, scaler.MinReplicas)
	require.Positive(t, c.budget.Spec.MinAvailable)
	require.Less(t, c.budget.Spec.MinAvailable, scaler.MinReplicas, "a node must be able to let one go")
	require.Zero(t, c.deployment.Spec.Strategy.RollingUpdate.MaxUnavailable)
	require.Positive(t, c.deployment.Spec.Strategy.RollingUpdate.MaxSurge)
}

func TestTheAutoscalerKnowsWhatACPUIs(t *testing.T) {
	c := readCluster(t)
	only := c.only(t)
	require.Len(t, c.scaler.Spec.Metrics, 1)
	metric := c.scaler.Spec.Metrics[0]
	require.Equal(t, "Resource", metric.Type)
	require.Equal(t, "cpu", metric.Resource.Name)
	require.Equal(t, "Utilization", metric.Resource.Target.Type)
	require.Positive(t, metric.Resource.Target.AverageUtilization)
	require.NotEmpty(t, only.Resources.Requests.CPU, "utilization is of what is requested")
}
