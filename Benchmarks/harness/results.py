"""From repetitions to the rows of latest.json, and from these to the table of the README."""

import json
import statistics

from harness.workloads import titles, units


def speed(contestant):
    return statistics.median(figures["tokens"] / figures["seconds"] for figures in contestant.repetitions)


def memory(contestant):
    """The largest resident size in MiB."""
    return max(figures["peak_memory"] for figures in contestant.repetitions) / 2**20


def rows(workload, ours, limit, peers):
    """A row for the speed against each peer, and in training one for the memory: above 1 Temper is better."""
    found = []
    bound = round(speed(limit), 1) if limit and limit.repetitions else None
    for peer in peers:
        if not peer.repetitions:
            continue
        row = {"workload": workload, "ours": round(speed(ours), 1), "peer": round(speed(peer), 1), "peer_name": peer.name}
        unit = units.get(workload, "tokens/s")
        found.append(row | {"ratio": round(speed(ours) / speed(peer), 2), "limit": bound, "unit": unit})
        if workload.startswith("train"):
            row |= {"ours": round(memory(ours)), "peer": round(memory(peer))}
            found.append(row | {"ratio": round(memory(peer) / memory(ours), 2), "limit": None, "unit": "MiB"})
    return found


def table(all_rows):
    """Markdown; the fastest peer of a workload is in bold."""
    lines = ["| workload | peer | Temper | peer | ratio | limit | memory, Temper / peer |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for workload, title in titles.items():
        speeds = [row for row in all_rows if row["workload"] == workload and row["unit"] != "MiB"]
        memories = {
            row["peer_name"]: row for row in all_rows if row["workload"] == workload and row["unit"] == "MiB"
        }
        for row in sorted(speeds, key=lambda row: -row["peer"]):
            name = f"**{row['peer_name']}**" if row["peer"] == max(row["peer"] for row in speeds) else row["peer_name"]
            sizes = memories.get(row["peer_name"])
            lines.append(
                f"| {title}, {row['unit']} | {name} | {row['ours']:.0f} | {row['peer']:.0f} | {row['ratio']:.2f} × | "
                f"{'' if row['limit'] is None else format(row['limit'], '.0f')} | "
                f"{'' if sizes is None else str(sizes['ours']) + ' / ' + str(sizes['peer']) + ' MiB'} |"
            )
    return "\n".join(lines)


def write(path, all_rows):
    path.parent.mkdir(exist_ok=True)
    text = "[\n" + ",\n".join("  " + json.dumps(row) for row in all_rows) + "\n]\n"
    partial = path.with_suffix(".part")
    partial.write_text(text)
    partial.replace(path)
