#!/usr/bin/env python3
"""Writes layouts.txt from a folder of ABI facts (one JSON file per release: sizes, offsets, prototypes, numbers).

    collect.py FOLDER > layouts.txt

Only what dialect.c uses. A fact that several generations share is one line with the first and the last of them.
"""

import json
import pathlib
import sys

# One release of each generation: its newest, except where an older one has an API number of its own.
RELEASES = {
    "A1": "v0.9.1", "A2": "v0.9.3", "A3": "v0.9.5", "A4": "v0.10.1", "A5": "v0.10.10", "A6": "v0.11.4", "A7": "v0.11.5",
    "A8": "v0.11.7", "A9": "v0.11.8", "A10": "v0.16.0", "B1": "v1.0.3", "B2": "v1.0.4", "B3": "v1.1.4", "B4": "v1.2.0",
    "B5": "v1.3.0", "B6": "v1.3.3",
}
STRUCTS = """
    janus_refcount janus_plugin_session janus_plugin_rtp_extensions janus_plugin_rtp janus_plugin_rtcp janus_plugin_data
    janus_callbacks janus_plugin janus_sdp janus_sdp_mline janus_sdp_attribute rtp_header janus_rtp_switching_context
    janus_av1_svc_context janus_rtp_simulcasting_context janus_vp8_simulcast_context
""".split()
ENUMS = """
    janus_plugin_result_type janus_sdp_mtype janus_sdp_mdirection janus_sdp_oa_type janus_audiocodec janus_videocodec
""".split()
FUNCTIONS = """
    janus_audiocodec_from_name janus_audiocodec_name janus_audiocodec_pt janus_get_monotonic_time janus_is_rtp
    janus_plugin_data_reset janus_plugin_result_new janus_plugin_rtcp_reset janus_plugin_rtp_duplicate
    janus_plugin_rtp_extensions_reset janus_plugin_rtp_reset janus_recorder_add_extmap janus_recorder_close
    janus_recorder_create janus_recorder_destroy janus_recorder_opusred janus_recorder_pause janus_recorder_resume janus_recorder_save_frame
    janus_rtcp_get_remb janus_rtcp_has_pli janus_rtcp_pli janus_rtp_header_extension_get_id janus_rtp_header_update
    janus_rtp_payload janus_rtp_simulcasting_cleanup janus_rtp_simulcasting_context_process_rtp
    janus_rtp_simulcasting_context_reset janus_rtp_simulcasting_prepare janus_rtp_switching_context_reset
    janus_sdp_destroy janus_sdp_find_first_codec janus_sdp_find_first_codecs janus_sdp_find_preferred_codec
    janus_sdp_find_preferred_codecs janus_sdp_generate_answer janus_sdp_generate_answer_mline janus_sdp_generate_offer
    janus_sdp_generate_offer_mline janus_sdp_get_codec_name janus_sdp_get_codec_pt janus_sdp_get_codec_pt_full
    janus_sdp_get_fmtp janus_sdp_get_opusred_pt janus_sdp_mline_create janus_sdp_mline_destroy janus_sdp_mline_find
    janus_sdp_mline_remove janus_sdp_mtype_str janus_sdp_parse janus_sdp_remove_payload_type janus_sdp_write
    janus_rtp_header_extension_parse_video_layers_allocation janus_videocodec_from_name janus_videocodec_name
    janus_videocodec_pt janus_vp8_is_keyframe janus_vp8_simulcast_context_reset janus_vp8_simulcast_descriptor_update
    janus_vprintf
""".split()


def main():
    folder = pathlib.Path(sys.argv[1])
    facts = {generation: json.loads((folder / f"{tag}.json").read_text()) for generation, tag in RELEASES.items()}
    print("# Written by collect.py; read by header.py. Sizes and offsets are those of 64-bit Linux.")
    for generation, tag in RELEASES.items():
        print("generation", generation, tag[1:], facts[generation]["plugin_api"])
    for kind, names, text in (("structs", STRUCTS, struct), ("enums", ENUMS, enum), ("functions", FUNCTIONS, function)):
        for name in names:
            runs(facts, kind, name, text)


def runs(facts, kind, name, text):
    """Prints `name` once for each run of generations that have it alike."""
    current, first, last = None, None, None

    def end():
        if current is not None:
            head, *more = current
            print(f"{first}..{last} {head}")
            for line in more:
                print(f"  {line}")

    for generation in RELEASES:
        found = facts[generation][kind].get(name)
        lines = text(name, found) if found else None
        if lines != current:
            end()
            current, first = lines, generation
        last = generation
    end()


def struct(name, facts):
    fields = [field for field in facts["fields"] if "bit_offset" not in field and not field["type"].endswith("[0]")]
    return [f"struct {name} {facts['size']} {facts['align']}"] + [
        f"{field['offset']} {field['size']} {field['name']} {field['type']}" for field in fields]


def enum(name, facts):
    return [f"enum {name}"] + [f"{value} {constant}" for constant, value in facts.items()]


def function(name, facts):
    arguments = facts["args"] + ["..."] * facts["variadic"]
    return [f"function {name} {facts['ret']} ({', '.join(arguments) or 'void'})"]


main()
