"""All families by name. The names are also the folders of the exports."""

from decoders import DECODERS
from family import Family
from further_denoisers import FURTHER_DENOISERS
from transformer_families import COGVIDEOX_10, COGVIDEOX_15, HUNYUAN, LATTE, LTX, MOCHI, WAN
from unets import ANIMATEDIFF, MODELSCOPE, SVD

VIDEO_DENOISERS = (SVD, ANIMATEDIFF, MODELSCOPE, HUNYUAN, COGVIDEOX_10, COGVIDEOX_15, LTX, WAN, MOCHI, LATTE)

FAMILIES: dict[str, Family] = {family.name: family for family in (*VIDEO_DENOISERS, *DECODERS, *FURTHER_DENOISERS)}
