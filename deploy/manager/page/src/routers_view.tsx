// Router pods: which version each runs, whether it took the newest, and if not, why.

import * as api from "./api";
import * as live from "./live_api";
import {Route} from "./route";
import {Mark, Said, Tell, Time, Waiting, useLoaded} from "./ui";
import {perSecond, plural} from "./words";

const EVERY_MS = 2_000;
const SILENT_AFTER_MS = 90_000;
const shortened = (etag: string) => etag.replaceAll('"', "").slice(0, 12);

export function RoutersView({route}: {route: Route}) {
  const pods = useLoaded(() => api.pods(route.service), [route.service], EVERY_MS);
  const told = useLoaded(() => live.live(route.service), [route.service], EVERY_MS);
  const pulses = new Map((told.value?.pods ?? []).map((pod) => [pod.instance, pod]));
  const all = pods.value ?? [];
  const troubled = all.filter((pod) => !pulses.get(pod.instance)?.isSilent && pulses.get(pod.instance)?.troubles.length);
  const refusing = all.filter((pod) => pod.state === "nack");
  const taken = all.filter((pod) => pod.isNewest).length;
  return (
    <>
      <div class="heading"><h1>Router pods</h1>
        <span class="note" role="status">{all.length > 0 && `${plural(all.length, "pod")}; the newest version is in force in ${taken}`}</span></div>
      <Waiting of={pods} />
      {pods.value && !all.length && <p class="empty sheet">No router has asked for the rules of {route.service} yet. A router does once its
        config names this manager as the source of its rules.</p>}
      {refusing.length > 0 && <Tell gravity="harmed">{plural(refusing.length, "pod refuses", "pods refuse")} some of what was published, and
        {refusing.length === 1 ? " goes" : " go"} on with what was in force before: <Said text={refusing[0].reasons[0] ?? "no reason was given"} /></Tell>}
      {troubled.length > 0 && <p class="unseen" role="status">{plural(troubled.length, "pod has", "pods have")} something to say of its health.</p>}
      {all.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Router pods"><table>
        <thead><tr><th scope="col">Pod</th><th scope="col">Rules</th><th scope="col">Version that it told of</th><th scope="col">Lag</th><th scope="col">Events</th><th scope="col">Heard of</th><th scope="col">Health and reasons</th></tr></thead>
        <tbody>{all.map((pod) => {
          const pulse = pulses.get(pod.instance);
          const isSilent = pulse ? pulse.isSilent : Date.now() - pod.seenMs > SILENT_AFTER_MS;
          return <tr key={pod.instance}>
            <th scope="row">{pod.instance}</th>
            <td class="tight">{pod.state === "nack" ? <Mark look="harmed">refused (NACK)</Mark> : isSilent ? <Mark look="notice">silent</Mark>
              : pod.isNewest ? <Mark look="well">newest in force (ACK)</Mark> : <Mark look="notice">not yet the newest</Mark>}</td>
            <td class="tight mono" title={pod.version}>{shortened(pod.version || pod.asksWith) || "none"}</td>
            <td class="tight" data-title="Lag">{pulse && !pulse.isSilent ? pulse.lag === null ? "not known" : plural(pulse.lag, "record") : ""}</td>
            <td class="tight" data-title="Events">{pulse && !pulse.isSilent && pulse.eventsPerS !== null ? `${perSecond(pulse.eventsPerS)}/s` : ""}</td>
            <td class="tight"><Time at={Math.max(pod.seenMs, pulse ? Date.now() - pulse.ageMs : 0)} /></td>
            <td class="long">{pulse && <Health pulse={pulse} />}{pod.reasons.map((reason) => <p key={reason}><Said text={reason} /></p>)}</td></tr>;
        })}</tbody></table></div>}
    </>
  );
}

function Health({pulse}: {pulse: live.LivePod}) {
  if (pulse.isSilent) return <p class="note">It told how it is last <Time at={Date.now() - pulse.ageMs} />.</p>;
  return (
    <>
      {!pulse.troubles.length && <p>{pulse.isReady ? <Mark look="well">well</Mark> : <Mark look="notice">not ready</Mark>}</p>}
      {pulse.troubles.map((trouble) => <p key={trouble.what}><Mark look={trouble.gravity}>{trouble.gravity}</Mark> <Said text={trouble.what} />
        {trouble.cure && <span class="note"> <Said text={trouble.cure} /></span>}</p>)}
    </>
  );
}
