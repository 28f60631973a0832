package kubetest

import (
	"encoding/json"
	"net/http"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// list is a PodList, a ServiceList and so on.
type list struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []Object `json:"items"`
}

func (s *Server) list(w http.ResponseWriter, q query) {
	objects, version := s.store.list(q.resource)
	page := list{Items: []Object{}}
	for _, o := range objects {
		if !q.wants(o) || keyOf(o) <= q.after {
			continue
		}
		if q.limit > 0 && len(page.Items) == q.limit {
			page.Continue = keyOf(page.Items[q.limit-1])
			break
		}
		page.Items = append(page.Items, o)
	}
	page.APIVersion, page.Kind = kinds[q.resource].ToAPIVersionAndKind()
	page.Kind += "List"
	page.ResourceVersion = strconv.Itoa(version)
	answer(w, http.StatusOK, page)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has left
}

// refuse answers with an error as the API has them.
func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	answer(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Reason: reason, Message: message, Code: int32(code),
	})
}
