package prometheusscrapereceiver

import (
	"errors"
	"fmt"
	"os"

	promcommon "github.com/prometheus/common/config"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/kubernetes"
)

// checkFiles finds credentials and certificates that are not there: scrapes would only fail.
func checkFiles(jobs []*promconfig.ScrapeConfig) error {
	var errs []error
	for _, job := range jobs {
		key := fmt.Sprintf("job %q", job.JobName)
		errs = append(errs, checkClientFiles(key, &job.HTTPClientConfig))
		for _, sd := range job.ServiceDiscoveryConfigs {
			if k, ok := sd.(*kubernetes.SDConfig); ok {
				errs = append(errs, checkClientFiles(key+": kubernetes_sd_configs", &k.HTTPClientConfig))
			}
		}
	}
	return errors.Join(errs...)
}

func checkClientFiles(where string, client *promcommon.HTTPClientConfig) error {
	var credentials string
	if client.Authorization != nil {
		credentials = client.Authorization.CredentialsFile
	}
	return errors.Join(
		checkFile(where, "authorization::credentials_file", credentials),
		checkFile(where, "tls_config::cert_file", client.TLSConfig.CertFile),
		checkFile(where, "tls_config::key_file", client.TLSConfig.KeyFile),
	)
}

func checkFile(where, key, path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s: `%s`: %w", where, key, err)
	}
	return nil
}
